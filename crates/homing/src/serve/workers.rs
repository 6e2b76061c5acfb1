//! One worker per queue: receives, lets a stage consume, deletes; retries with backoff what failed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use homing_domain::Millis;
use homing_ports::{Clock, Fault, Outgoing, QueueName, Queues, Received, StageError};
use homing_telemetry::{DeadLettered, ItemDone, WorkerFailed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Items taken in one receive: more would only wait in this process instead of in the queue.
const RECEIVE_MAX: usize = 32;
/// A receive waits so long for an item: a long poll, so that an idle server sleeps.
const RECEIVE_WAIT: Millis = 20_000;
/// Pause after a failed receive.
const RECEIVE_PAUSE: Duration = Duration::from_millis(500);
/// First pause before a failed item is tried again; it doubles with each try.
const RETRY_BASE: Millis = 200;
/// Longest such pause: a fault that lasts minutes is tried a few times within the limit of receives.
const RETRY_CAP: Millis = 60_000;

/// What a stage does with the body of one item.
pub(super) trait Consume: Send + Sync + 'static {
    /// Does the work of one item.
    fn consume(&self, body: &Bytes) -> impl Future<Output = Result<(), StageError>> + Send;
}

/// The worker of one queue.
pub(super) struct Worker<P, C> {
    pub(super) ports: P,
    pub(super) queue: QueueName,
    pub(super) stage: Arc<C>,
    /// Items in work at the same time.
    pub(super) parallel: usize,
}

impl<P, C> Worker<P, C>
where
    P: Queues + Clock + Clone + 'static,
    C: Consume,
{
    /// Works until `stop`; items in work finish in `tracker`.
    pub(super) async fn run(self, stop: CancellationToken, tracker: TaskTracker) {
        let places = Arc::new(Semaphore::new(self.parallel));
        let worker = Arc::new(self);
        loop {
            let received = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                received = worker.receive(&places) => received,
            };
            for (item, place) in received {
                let worker = Arc::clone(&worker);
                tracker.spawn(async move {
                    worker.work(item).await;
                    drop(place);
                });
            }
        }
    }

    /// Receives as many items as there are free places, at least one.
    async fn receive(&self, places: &Arc<Semaphore>) -> Vec<(Received, OwnedSemaphorePermit)> {
        let Ok(first) = Arc::clone(places).acquire_owned().await else { return Vec::new() };
        let mut free = vec![first];
        while free.len() < RECEIVE_MAX {
            let Ok(place) = Arc::clone(places).try_acquire_owned() else { break };
            free.push(place);
        }
        match self.ports.receive(self.queue, free.len(), RECEIVE_WAIT).await {
            Ok(items) => items.into_iter().zip(free).collect(),
            Err(error) => {
                tracing::warn!(queue = self.queue.name(), %error, "a queue could not be received from");
                tokio::time::sleep(RECEIVE_PAUSE).await;
                Vec::new()
            }
        }
    }

    async fn work(&self, item: Received) {
        let began = self.ports.now();
        let limit = Duration::from_millis(self.queue.visibility());
        let Ok(done) = tokio::time::timeout(limit, self.stage.consume(&item.body)).await else {
            // The item is visible again by now: somebody else may have it already.
            tracing::warn!(queue = self.queue.name(), "an item took longer than its visibility and was left");
            return;
        };
        let settled = match done {
            Ok(()) => {
                let now = self.ports.now();
                let (took, waited) = (now.since(began), began.since(item.sent_at));
                ItemDone { queue: self.queue.name(), took, waited }.emit();
                self.ports.delete(self.queue, vec![item.handle]).await
            }
            Err(StageError::Later { delay }) => self.later(item, delay).await,
            Err(error) => self.retry(item, &error).await,
        };
        if let Err(error) = settled {
            // Harmless: it becomes visible again by itself, and every stage may see an item twice.
            tracing::warn!(queue = self.queue.name(), %error, "an item could not be settled");
        }
    }

    /// Nothing is wrong, so it must not end among the dead letters: before its last receive it is sent anew.
    async fn later(&self, item: Received, delay: Millis) -> homing_ports::Result<()> {
        if item.receives + 1 < self.queue.max_receives() {
            return self.ports.retry(self.queue, item.handle, delay, "not yet").await;
        }
        self.ports.send(self.queue, vec![Outgoing { body: item.body, delay, group: None }]).await?;
        self.ports.delete(self.queue, vec![item.handle]).await
    }

    async fn retry(&self, item: Received, error: &StageError) -> homing_ports::Result<()> {
        let reason = error.to_string();
        let queue = self.queue.name();
        if item.receives >= self.queue.max_receives() {
            DeadLettered { queue, receives: item.receives, reason: &reason }.emit();
        } else if is_worth_a_line(error, item.receives) {
            WorkerFailed { queue, receives: item.receives, error }.emit();
        }
        self.ports.retry(self.queue, item.handle, pause_after(error, item.receives), &reason).await
    }
}

/// A poisoned item goes through all its receives within moments: one line is enough.
const fn is_worth_a_line(error: &StageError, receives: u32) -> bool {
    receives == 1 || !matches!(error, StageError::Poison { .. })
}

/// How long a failed item rests before it is tried again. A poisoned one does not rest: the queue gives it up after its
/// last receive.
fn pause_after(error: &StageError, receives: u32) -> Millis {
    match error {
        StageError::Later { delay } => *delay,
        StageError::Poison { .. } => 0,
        StageError::Port(error) if error.fault == Fault::Conflict => RETRY_BASE,
        StageError::Port(_) => RETRY_BASE.saturating_mul(1 << receives.saturating_sub(1).min(16)).min(RETRY_CAP),
    }
}

#[cfg(test)]
mod tests;
