//! Events about queues and the loops that work them.

use homing_domain::Millis;
use metrics::{counter, gauge, histogram};
use tracing::{error, trace, warn};

use crate::{metric, number, seconds};

/// The work of a queue item is done and it is deleted.
#[derive(Clone, Copy, Debug)]
pub struct ItemDone {
    /// The queue's name.
    pub queue: &'static str,
    /// How long the work took.
    pub took: Millis,
    /// From when it was sent.
    pub waited: Millis,
}

impl ItemDone {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::ITEMS_DONE, "queue" => self.queue).increment(1);
        histogram!(metric::ITEM_TIME, "queue" => self.queue).record(seconds(self.took));
        trace!(queue = self.queue, took_ms = self.took, waited_ms = self.waited, "item done");
    }
}

/// A try of a queue item failed; it is tried again.
#[derive(Clone, Copy, Debug)]
pub struct WorkerFailed<'a> {
    /// The queue's name.
    pub queue: &'static str,
    /// Which try it was, from 1.
    pub receives: u32,
    /// What went wrong.
    pub error: &'a dyn std::error::Error,
}

impl WorkerFailed<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::ITEMS_FAILED, "queue" => self.queue).increment(1);
        warn!(queue = self.queue, receives = self.receives, error = %self.error, "item failed, will be tried again");
    }
}

/// A queue item was given up: a person must look at it.
#[derive(Clone, Copy, Debug)]
pub struct DeadLettered<'a> {
    /// The queue's name.
    pub queue: &'static str,
    /// How often it was tried.
    pub receives: u32,
    /// Why it was given up.
    pub reason: &'a str,
}

impl DeadLettered<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::DEAD_LETTERS, "queue" => self.queue).increment(1);
        error!(queue = self.queue, receives = self.receives, reason = self.reason, "item given up");
    }
}

/// How much waits in a queue now.
#[derive(Clone, Copy, Debug)]
pub struct QueueDepth {
    /// The queue's name.
    pub queue: &'static str,
    /// About how many items.
    pub items: u64,
}

impl QueueDepth {
    /// Sets the gauge; no log line.
    pub fn emit(&self) {
        let items = usize::try_from(self.items).unwrap_or(usize::MAX);
        gauge!(metric::QUEUE_DEPTH, "queue" => self.queue).set(number(items));
    }
}
