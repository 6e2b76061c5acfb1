//! Receipt batches become rows and numbers, and the last one of a message its completion.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue::{self, ReceiptsInput};
use homing_domain::{BatchId, Delivery, FeedCounts, MessageId, ReceiptBatch, Tally};
use homing_ports::{StageError, Statistics};
use homing_telemetry::DeliveryEnded;

use crate::about::AboutDevices;
use crate::completion::{Completion, CompletionPorts, newly_ended};
use crate::read_sync::{ReadSync, ReadSyncPorts};
use crate::statistics;

#[cfg(test)]
mod tests;

/// What recording needs from the world.
pub trait RecordPorts: CompletionPorts + ReadSyncPorts + Statistics {}

impl<P: CompletionPorts + ReadSyncPorts + Statistics> RecordPorts for P {}

/// The stage.
#[derive(Debug)]
pub struct RecordReceipts<P> {
    ports: Arc<P>,
    completion: Arc<Completion>,
    read_sync: Arc<ReadSync>,
    about: Arc<AboutDevices>,
}

impl<P> Clone for RecordReceipts<P> {
    fn clone(&self) -> Self {
        Self {
            ports: Arc::clone(&self.ports),
            completion: Arc::clone(&self.completion),
            read_sync: Arc::clone(&self.read_sync),
            about: Arc::clone(&self.about),
        }
    }
}

impl<P: RecordPorts> RecordReceipts<P> {
    /// A stage over these ports.
    #[must_use]
    pub fn new(ports: Arc<P>) -> Self {
        Self { ports, completion: Arc::default(), read_sync: Arc::default(), about: Arc::default() }
    }

    /// Does the work of one queue item.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        match queue::decode_receipts_input(body).map_err(StageError::poison)? {
            ReceiptsInput::Batch(batch) => self.handle(batch).await,
            ReceiptsInput::FeedCounts(counts) => self.handle_counts(counts).await,
        }
    }

    /// Adds what a gateway counted of broadcasts that came by a feed, once. There are no rows to take it into, and nothing is
    /// completed by it: what is in a feed may come to another device until it is closed.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the counts instead of deleting them.
    pub async fn handle_counts(&self, counts: FeedCounts) -> Result<(), StageError> {
        if counts.changes.is_empty() {
            return Ok(());
        }
        self.ports.count(counts.id, counts.changes.clone()).await?;
        Ok(statistics::add_feed_counts(&*self.ports, &counts, self.ports.now()).await?)
    }

    /// Takes a batch into its rows, then counts what it changed. A repeat finds in the rows what the first run changed,
    /// and counts it unless it is counted. Then the messages that it ended are completed, and those that were read are cleared
    /// elsewhere.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the batch instead of deleting it.
    pub async fn handle(&self, batch: ReceiptBatch) -> Result<(), StageError> {
        if batch.receipts.is_empty() {
            return Ok(());
        }
        let about = self.about.of(&*self.ports, &batch.receipts).await?;
        let rows = last_answers(self.ports.record(batch.id, batch.receipts, about).await?);
        let changes = changes(batch.id, &rows);
        if !changes.is_empty() {
            let ended = newly_ended(&changes);
            self.ports.count(batch.id, changes).await?;
            statistics::add(&*self.ports, batch.id, &rows, self.ports.now()).await?;
            self.completion.notice(&*self.ports, &ended).await?;
        }
        self.read_sync.notice(&*self.ports, batch.id, &rows).await?;
        for row in &rows {
            emit(batch.id, row);
        }
        Ok(())
    }
}

/// Each row once, as it stood last: a batch may hold several receipts of one row.
fn last_answers(answers: Vec<Delivery>) -> Vec<Delivery> {
    let rows: BTreeMap<_, _> = answers.into_iter().map(|row| ((row.message, row.device), row)).collect();
    rows.into_values().collect()
}

/// What the batch changed, by message.
fn changes(batch: BatchId, rows: &[Delivery]) -> Vec<(MessageId, Tally)> {
    let mut tallies = BTreeMap::<MessageId, Tally>::new();
    for row in rows {
        row.tally(batch, tallies.entry(row.message).or_default());
    }
    tallies.into_iter().filter(|(_, tally)| !tally.is_empty()).collect()
}

fn emit(batch: BatchId, row: &Delivery) {
    if let Some(ended) = row.ended.filter(|ended| ended.by == batch) {
        DeliveryEnded {
            message: row.message,
            device: row.device,
            channel: row.channel,
            stage: row.stage,
            reason: row.reason,
            took: row.enqueued_at.map(|enqueued_at| ended.at.since(enqueued_at)),
        }
        .emit();
    }
}
