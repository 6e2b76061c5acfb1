//! Virtual time: it moves only when nobody has anything left to do.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use homing_domain::{Millis, UnixMillis};

use super::State;

/// Who is to be woken when.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(UnixMillis, u64, u64)>>,
    wakers: HashMap<u64, Waker>,
    next: u64,
}

impl Timers {
    /// Wakes at `at`; among equals the order follows `tie`.
    pub fn add(&mut self, at: UnixMillis, tie: u64, waker: Waker) {
        self.next += 1;
        self.heap.push(Reverse((at, tie, self.next)));
        self.wakers.insert(self.next, waker);
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_at(&self) -> Option<UnixMillis> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next one out.
    pub fn pop(&mut self) -> Option<Waker> {
        let Reverse((_, _, id)) = self.heap.pop()?;
        self.wakers.remove(&id)
    }
}

/// Gives others their turn, and lets a span of virtual time pass.
#[derive(Debug)]
pub(super) struct Pause {
    state: Arc<Mutex<State>>,
    span: Millis,
    until: Option<UnixMillis>,
}

impl Pause {
    pub(super) const fn new(state: Arc<Mutex<State>>, span: Millis) -> Self {
        Self { state, span, until: None }
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let span = self.span;
        let shared = Arc::clone(&self.state);
        let mut state = shared.lock().expect("one thread");
        match self.until {
            Some(until) if state.now >= until => Poll::Ready(()),
            Some(_) => Poll::Pending,
            None => {
                let until = state.now.plus(span);
                self.until = Some(until);
                let tie = state.random.next_u64();
                state.timers.add(until, tie, context.waker().clone());
                Poll::Pending
            }
        }
    }
}
