//! What devices acknowledged of broadcasts that came by a feed, counted by message on its way to the receipts queue.
//!
//! There are no receipts of single devices: a link adds to the numbers here and goes on. They are sent every second, the
//! same items until the queue has them, and the last ones when the gateway stops. What dies with the process is missing:
//! at most what came in since the last flush.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use homing_contract::queue::v1;
use homing_credentials::derive_id;
use homing_domain::limits::FEED_COUNTS_MAX;
use homing_domain::{BatchId, FeedCounts, GatewayRef, MessageId, Tally};
use homing_ports::{Outgoing, QueueName, Queues};
use homing_telemetry::FeedCounted;
use tokio::sync::{Notify, oneshot};
use tracing::warn;

/// Numbers wait so long for more: a broadcast's acknowledgements come within seconds, and one item takes them all.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// A flush that failed is tried again after this, doubled up to the second.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// Bounded without a limit of its own: a number for each message that was sent from a feed here, however many devices have
/// it and however long the queue is away.
#[derive(Debug, Default)]
struct Counts {
    by_message: Mutex<BTreeMap<MessageId, u32>>,
    /// There is something, or more.
    some: Notify,
}

/// Where links count.
#[derive(Debug)]
pub(crate) struct FeedCounter {
    counts: Arc<Counts>,
    /// Dropped with this: the task sends the rest and ends.
    _end: oneshot::Sender<()>,
}

impl FeedCounter {
    /// A device has these messages.
    pub(crate) fn count(&self, messages: &[MessageId]) {
        let mut by_message = self.counts.by_message();
        for message in messages {
            let count = by_message.entry(*message).or_default();
            *count = count.saturating_add(1);
        }
        drop(by_message);
        self.counts.some.notify_one();
    }
}

impl Counts {
    fn by_message(&self) -> MutexGuard<'_, BTreeMap<MessageId, u32>> {
        // No code that runs under this lock can leave it half changed.
        self.by_message.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counter and the task that sends what is counted, which ends when the counter is gone.
pub(crate) fn feed_counter<P: Queues>(ports: Arc<P>, gateway: GatewayRef) -> (FeedCounter, impl Future<Output = ()>) {
    let counts = Arc::<Counts>::default();
    let (end, ended) = oneshot::channel();
    (FeedCounter { counts: Arc::clone(&counts), _end: end }, run(ports, gateway, counts, ended))
}

async fn run<P: Queues>(ports: Arc<P>, gateway: GatewayRef, counts: Arc<Counts>, mut ended: oneshot::Receiver<()>) {
    let mut number = 0;
    loop {
        let linger = async {
            counts.some.notified().await;
            tokio::time::sleep(FLUSH_EVERY).await;
        };
        // Nothing is ever sent through it: it ends.
        let is_last = tokio::select! {
            () = linger => false,
            _ = &mut ended => true,
        };
        let counted: Vec<_> = std::mem::take(&mut *counts.by_message()).into_iter().collect();
        flush(&*ports, gateway, &counted, &mut number).await;
        if is_last {
            return;
        }
    }
}

/// Sends what was counted: the same items until they are in, so that a repeat has the same batch ids, and counts once.
async fn flush<P: Queues>(ports: &P, gateway: GatewayRef, counted: &[(MessageId, u32)], number: &mut u64) {
    if counted.is_empty() {
        return;
    }
    let items = counted.chunks(FEED_COUNTS_MAX).map(|part| {
        let changes = part.iter().map(|(message, count)| (*message, Tally::of_feed(*count))).collect();
        let id = batch_id(gateway, *number);
        *number += 1;
        Outgoing::now(v1::encode(&FeedCounts { id, changes }))
    });
    let items: Vec<_> = items.collect();
    let mut pause = RETRY_FIRST;
    while let Err(error) = ports.send(QueueName::Receipts, items.clone()).await {
        warn!(%error, "counts of feeds wait for their queue");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
    let deliveries = counted.iter().map(|(_, count)| u64::from(*count)).sum();
    FeedCounted { gateway, messages: counted.len(), deliveries }.emit();
}

fn batch_id(gateway: GatewayRef, number: u64) -> BatchId {
    let fields: [&[u8]; 3] = [&gateway.server_id.0, &gateway.incarnation.to_be_bytes(), &number.to_be_bytes()];
    BatchId::from_bytes(derive_id("homing/1 gateway feed counts", &fields))
}
