//! A small executor on virtual time: it polls whoever is awake in an order that the dice decide, and may drop a task at
//! any pause, which is what a crash of its process looks like to the ports.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::Weak;

/// Whose task it is: they die together.
pub type Owner = u64;

type TaskId = u64;

#[derive(Debug)]
struct Flag {
    id: TaskId,
    awake: Arc<Mutex<Vec<TaskId>>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.awake.lock().expect("one thread").push(self.id);
    }
}

struct Task {
    owner: Owner,
    may_crash: bool,
    waker: Waker,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// A task ran.
    Ran,
    /// A task of this owner was dropped at a pause.
    Crashed(Owner),
    /// Nobody is awake.
    Idle,
}

/// The tasks of one world.
pub struct Executor {
    world: Weak,
    tasks: BTreeMap<TaskId, Task>,
    awake: Arc<Mutex<Vec<TaskId>>>,
    next: TaskId,
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Executor {
    /// Without tasks.
    #[must_use]
    pub fn new(world: Weak) -> Self {
        Self { world, tasks: BTreeMap::new(), awake: Arc::default(), next: 0 }
    }

    /// Starts a task. `may_crash`: it may be dropped at any pause while faults are on.
    pub fn spawn(&mut self, owner: Owner, may_crash: bool, future: impl Future<Output = ()> + 'static) {
        self.next += 1;
        let waker = Waker::from(Arc::new(Flag { id: self.next, awake: Arc::clone(&self.awake) }));
        waker.wake_by_ref();
        self.tasks.insert(self.next, Task { owner, may_crash, waker, future: Box::pin(future) });
    }

    /// Drops all tasks of an owner, wherever they are.
    pub fn kill(&mut self, owner: Owner) {
        self.tasks.retain(|_, task| task.owner != owner);
    }

    /// How many tasks of an owner live.
    #[must_use]
    pub fn alive(&self, owner: Owner) -> usize {
        self.tasks.values().filter(|task| task.owner == owner).count()
    }

    /// Runs one of those that are awake.
    pub fn step(&mut self) -> Stepped {
        let id = {
            let mut awake = self.awake.lock().expect("one thread");
            if awake.is_empty() {
                return Stepped::Idle;
            }
            let at = self.world.lock().random.index(awake.len());
            awake.swap_remove(at)
        };
        let Some(task) = self.tasks.get_mut(&id) else {
            return Stepped::Ran;
        };
        if task.may_crash {
            let mut state = self.world.lock();
            let chance = state.faults.crash;
            if state.strikes(chance, "worker crashes") {
                drop(state);
                let owner = task.owner;
                self.tasks.remove(&id);
                return Stepped::Crashed(owner);
            }
        }
        let waker = task.waker.clone();
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(()) {
            self.tasks.remove(&id);
        }
        Stepped::Ran
    }
}
