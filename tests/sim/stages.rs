//! Workers: the real stages on the weak ports, one loop per queue as the binary has it.

use homing_dispatch::Dispatch;
use homing_domain::Millis;
use homing_fanout::Fanout;
use homing_ports::{QueueName, Queues, Received, StageError};
use homing_receipts::{CloseMessages, RecordReceipts};
use homing_schedule::Schedule;
use homing_tests::weak::{Owner, Weak};

use crate::world::{Answer, Answers, World};

/// A worker takes so many items at once.
const ITEMS_MAX: usize = 4;
/// And waits so long for the first.
const WAIT: Millis = 600_000;

/// A worker: it dies as a whole and starts anew.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) queue: QueueName,
    pub(crate) owner: Owner,
}

#[derive(Clone)]
enum Stage {
    Fanout(Fanout<Weak>),
    Dispatch(Dispatch<Weak>),
    Record(RecordReceipts<Weak>),
    Close(CloseMessages<Weak>),
    Schedule(Schedule<Weak>),
}

impl Stage {
    async fn consume(&self, item: &Received) -> Result<(), StageError> {
        match self {
            Self::Fanout(stage) => stage.consume(&item.body).await,
            Self::Dispatch(stage) => stage.consume(&item.body).await,
            Self::Record(stage) => stage.consume(&item.body).await,
            Self::Close(stage) => stage.consume(&item.body).await,
            Self::Schedule(stage) => stage.consume(&item.body).await,
        }
    }
}

impl World {
    /// Starts a worker with empty caches.
    pub(crate) fn start_worker(&mut self, worker: usize) {
        let owner = self.new_owner();
        self.workers[worker].owner = owner;
        let queue = self.workers[worker].queue;
        let ports = self.ports();
        let stage = match queue {
            QueueName::Audience => Stage::Fanout(Fanout::new(ports)),
            QueueName::Dispatch => Stage::Dispatch(Dispatch::new(ports)),
            QueueName::Receipts => Stage::Record(RecordReceipts::new(ports)),
            QueueName::Close => Stage::Close(CloseMessages::new(ports)),
            QueueName::Due => Stage::Schedule(Schedule::new(ports)),
            QueueName::Intake => unreachable!("nobody in this world writes to it"),
        };
        let (weak, answers) = (self.weak.clone(), self.answers.clone());
        self.executor.spawn(owner, true, work(weak, answers, queue, stage));
    }
}

async fn work(weak: Weak, answers: Answers, queue: QueueName, stage: Stage) {
    loop {
        let Ok(items) = weak.receive(queue, ITEMS_MAX, WAIT).await else {
            weak.sleep(100).await;
            continue;
        };
        for item in items {
            let done = stage.consume(&item).await;
            let delay = match done {
                Ok(()) => {
                    drop(weak.delete(queue, vec![item.handle]).await);
                    continue;
                }
                Err(StageError::Later { delay }) => {
                    weak.lock().coverage.hit("stage", "later");
                    delay
                }
                Err(StageError::Port(_)) => {
                    weak.lock().coverage.hit("stage", "port failed");
                    500 * u64::from(item.receives)
                }
                Err(StageError::Poison { reason }) => {
                    let what = format!("poison in {}: {reason}", queue.name());
                    answers.borrow_mut().push_back(Answer::Violated(what));
                    return;
                }
            };
            drop(weak.retry(queue, item.handle, delay, "again").await);
        }
    }
}
