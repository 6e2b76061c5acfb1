//! One worker per queue: receives, lets a stage consume, and does with the item what the ports' rule says.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use homing_domain::{Millis, UnixMillis};
use homing_ports::{Clock, Outgoing, QueueName, Queues, Received, Settlement, StageError, settle};
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
        self.report(&item, began, done.as_ref().err());
        let settlement = settle(self.queue, item.receives, done.as_ref().copied());
        if let Err(error) = self.carry_out(item, settlement).await {
            // Harmless: it becomes visible again by itself, and every stage may see an item twice.
            tracing::warn!(queue = self.queue.name(), %error, "an item could not be settled");
        }
    }

    async fn carry_out(&self, item: Received, settlement: Settlement) -> homing_ports::Result<()> {
        match settlement {
            Settlement::Delete => self.ports.delete(self.queue, vec![item.handle]).await,
            Settlement::Retry { delay, reason } => self.ports.retry(self.queue, item.handle, delay, &reason).await,
            Settlement::SendAnew { delay } => {
                self.ports.send(self.queue, vec![Outgoing { body: item.body, delay, group: None }]).await?;
                self.ports.delete(self.queue, vec![item.handle]).await
            }
            Settlement::GiveUp { reason } => {
                let (queue, receives) = (self.queue, item.receives);
                self.ports.give_up(queue, item, &reason).await?;
                DeadLettered { queue: queue.name(), receives, reason: &reason }.emit();
                Ok(())
            }
        }
    }

    fn report(&self, item: &Received, began: UnixMillis, error: Option<&StageError>) {
        let queue = self.queue.name();
        match error {
            None => {
                let (took, waited) = (self.ports.now().since(began), began.since(item.sent_at));
                ItemDone { queue, took, waited }.emit();
            }
            // It only waits.
            Some(StageError::Later { .. }) => {}
            Some(error) => WorkerFailed { queue, receives: item.receives, error }.emit(),
        }
    }
}

#[cfg(test)]
mod tests;
