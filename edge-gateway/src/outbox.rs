//! Receipts of all links on their way into the receipts queue.
//!
//! Links put receipts in and go on; each hears when its own are durable, and trims only then. A queue that does not take
//! them fills this outbox, then each link up to its own limit, and then the links take no more acks. Nothing is dropped
//! while the process lives; what dies with it, the next takeover of each device derives again.

use std::sync::Arc;
use std::time::Duration;

use homing_contract::queue::v1;
use homing_credentials::derive_id;
use homing_domain::limits::RECEIPT_BATCH_MAX;
use homing_domain::{BatchId, GatewayRef, Receipt, ReceiptBatch};
use homing_link::server::Ticket;
use homing_ports::{Outgoing, QueueName, Queues};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::warn;

use crate::handle::Handle;

/// Entries that wait: at most a link's window of receipts each.
const WAITING_MAX: usize = 4_096;
/// Receipts of one flush: what piled up while the last one was written goes together.
const FLUSH_MAX: usize = 4 * RECEIPT_BATCH_MAX;
/// A flush that failed is tried again after this, doubled up to the second.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// Receipts of one link under one ticket.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) ticket: Ticket,
    pub(crate) link: Arc<Handle>,
}

/// Where links put receipts.
#[derive(Clone, Debug)]
pub(crate) struct Outbox(mpsc::Sender<Entry>);

impl Outbox {
    /// Puts an entry in, unless it is full.
    pub(crate) fn try_put(&self, entry: Entry) -> Result<(), Entry> {
        self.0.try_send(entry).map_err(|refused| match refused {
            TrySendError::Full(entry) | TrySendError::Closed(entry) => entry,
        })
    }

    /// Waits for room that is the caller's own: thousands of links may wait, and each room wakes one of them. May be dropped
    /// and called again. `None` after the gateway's end, which no live link sees.
    pub(crate) async fn room(&self) -> Option<Room<'_>> {
        self.0.reserve().await.ok().map(Room)
    }

    /// Puts an entry in, waiting while it is full. Its task ends only after the last link.
    pub(crate) async fn put(&self, entry: Entry) {
        if self.0.send(entry).await.is_err() {
            warn!("receipts came after the gateway's end");
        }
    }
}

/// Room for one entry.
#[derive(Debug)]
pub(crate) struct Room<'o>(mpsc::Permit<'o, Entry>);

impl Room<'_> {
    /// Puts it in.
    pub(crate) fn fill(self, entry: Entry) {
        self.0.send(entry);
    }
}

/// The outbox and the task that empties it, which ends when every [`Outbox`] is gone.
/// A flush waits for `linger` for more to come.
pub(crate) fn outbox<P: Queues>(
    ports: Arc<P>,
    gateway: GatewayRef,
    linger: Duration,
) -> (Outbox, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (Outbox(sender), run(ports, gateway, linger, receiver))
}

async fn run<P: Queues>(ports: Arc<P>, gateway: GatewayRef, linger: Duration, mut waiting: mpsc::Receiver<Entry>) {
    let mut number = 0_u64;
    while let Some(first) = waiting.recv().await {
        let collected = collect(first, linger, &mut waiting).await;
        let mut receipts = Vec::with_capacity(collected.iter().map(|entry| entry.receipts.len()).sum());
        let mut told = Vec::with_capacity(collected.len());
        for entry in collected {
            receipts.extend(entry.receipts);
            told.push((entry.link, entry.ticket));
        }
        let mut items = Vec::new();
        while !receipts.is_empty() {
            let rest = receipts.split_off(receipts.len().min(RECEIPT_BATCH_MAX));
            let batch =
                ReceiptBatch { id: batch_id(gateway, number), receipts: std::mem::replace(&mut receipts, rest) };
            number += 1;
            items.push(Outgoing::now(v1::encode(&batch)));
        }
        send(&*ports, items).await;
        for (link, ticket) in told {
            link.tell(|told| told.recorded.push(ticket));
        }
    }
}

/// What came by the end of the linger, or at once when more than a batch is waiting.
async fn collect(first: Entry, linger: Duration, waiting: &mut mpsc::Receiver<Entry>) -> Vec<Entry> {
    let mut count = first.receipts.len();
    let mut collected = vec![first];
    let more = async {
        while count < RECEIPT_BATCH_MAX {
            let Some(entry) = waiting.recv().await else {
                break;
            };
            count += entry.receipts.len();
            collected.push(entry);
        }
    };
    // A receive that is given up loses nothing.
    drop(tokio::time::timeout(linger, more).await);
    while count < FLUSH_MAX
        && let Ok(entry) = waiting.try_recv()
    {
        count += entry.receipts.len();
        collected.push(entry);
    }
    collected
}

/// The same items until they are in: a repeat has the same batch ids, and counts once.
async fn send<P: Queues>(ports: &P, items: Vec<Outgoing>) {
    let mut pause = RETRY_FIRST;
    while let Err(error) = ports.send(QueueName::Receipts, items.clone()).await {
        warn!(%error, "receipts wait for their queue");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
}

fn batch_id(gateway: GatewayRef, number: u64) -> BatchId {
    let fields: [&[u8]; 3] = [&gateway.server_id.0, &gateway.incarnation.to_be_bytes(), &number.to_be_bytes()];
    BatchId::from_bytes(derive_id("homing/1 gateway receipts", &fields))
}
