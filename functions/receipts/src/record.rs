//! Receipt batches become rows and numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue;
use homing_domain::{BatchId, Delivery, MessageId, ReceiptBatch, Tally};
use homing_ports::{Ledger, StageError};
use homing_telemetry::DeliveryEnded;

#[cfg(test)]
mod tests;

/// The stage.
#[derive(Debug)]
pub struct RecordReceipts<P> {
    ports: Arc<P>,
}

impl<P> Clone for RecordReceipts<P> {
    fn clone(&self) -> Self {
        Self { ports: Arc::clone(&self.ports) }
    }
}

impl<P: Ledger> RecordReceipts<P> {
    /// A stage over this ledger.
    #[must_use]
    pub const fn new(ports: Arc<P>) -> Self {
        Self { ports }
    }

    /// Does the work of one queue item.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        let batch = queue::decode::<ReceiptBatch>(body).map_err(StageError::poison)?;
        self.handle(batch).await
    }

    /// Takes a batch into its rows, then counts what it changed. A repeat finds in the rows what the first run changed,
    /// and counts it unless it is counted.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the batch instead of deleting it.
    pub async fn handle(&self, batch: ReceiptBatch) -> Result<(), StageError> {
        if batch.receipts.is_empty() {
            return Ok(());
        }
        let rows = last_answers(self.ports.record(batch.id, batch.receipts).await?);
        let changes = changes(batch.id, &rows);
        if !changes.is_empty() {
            self.ports.count(batch.id, changes).await?;
        }
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
