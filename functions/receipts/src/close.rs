//! Closing: what is still pending an hour after its message expired will not come any more.
//!
//! A close never hides a loss: it ends only what is targeted, and each of these is an entry in its device's mailbox.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use homing_contract::queue::{self, v1};
use homing_credentials::receipt_batch_id;
use homing_domain::limits::{QUEUE_DELAY_MAX, RECEIPT_BATCH_MAX};
use homing_domain::{
    Channel, CloseJob, Ended, Event, MessageId, Millis, Reason, Receipt, ReceiptBatch, Shard, Target, UnixMillis,
};
use homing_ports::{Clock, Ledger, Messages, Outgoing, QueueName, Queues, StageError};
use homing_telemetry::MessageClosed;

#[cfg(test)]
mod tests;

/// Shards that one job closes before it passes the rest on: 4,096 rows are read within a few seconds, far below the
/// time that a received job stays hidden.
pub const SHARDS_PER_JOB: usize = 16;

/// Rows that are read at the same time.
const READS_AT_ONCE: usize = 32;

/// What closing needs from the world.
pub trait Ports: Messages + Ledger + Queues + Clock {}

impl<P: Messages + Ledger + Queues + Clock> Ports for P {}

/// The stage.
#[derive(Debug)]
pub struct CloseMessages<P> {
    ports: Arc<P>,
}

impl<P> Clone for CloseMessages<P> {
    fn clone(&self) -> Self {
        Self { ports: Arc::clone(&self.ports) }
    }
}

impl<P: Ports> CloseMessages<P> {
    /// A stage over these ports.
    #[must_use]
    pub const fn new(ports: Arc<P>) -> Self {
        Self { ports }
    }

    /// Does the work of one queue item.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        let job = queue::decode::<CloseJob>(body).map_err(StageError::poison)?;
        self.handle(job).await
    }

    /// Delays a job that is not due, as a new item: a month of delays must not use up its receives. Closes some pages of
    /// a due one and passes the rest on.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the job instead of deleting it.
    pub async fn handle(&self, job: CloseJob) -> Result<(), StageError> {
        let now = self.ports.now();
        if now < job.at {
            return self.send_job(job, job.at.since(now).min(QUEUE_DELAY_MAX)).await;
        }
        let shards = self.ports.shards(job.message, job.after, SHARDS_PER_JOB).await?;
        let mut expired = 0;
        for shard in &shards {
            expired += self.close_shard(shard, now).await?;
        }
        let rest = shards.last().filter(|_| shards.len() >= SHARDS_PER_JOB).map(|shard| shard.id);
        if rest.is_some() {
            self.send_job(CloseJob { after: rest, ..job }, 0).await?;
        }
        MessageClosed { message: job.message, expired, is_last: rest.is_none() }.emit();
        Ok(())
    }

    /// Ends what is pending and answers how much that was.
    async fn close_shard(&self, shard: &Shard, now: UnixMillis) -> Result<usize, StageError> {
        let mut receipts = Vec::new();
        for targets in shard.targets.chunks(READS_AT_ONCE) {
            let rows = targets.iter().map(|target| self.ports.delivery(shard.message, target.device));
            for (target, row) in targets.iter().zip(try_join_all(rows).await?) {
                if row.is_none_or(|row| !row.stage.is_terminal()) {
                    receipts.push(closed(shard.message, target, now));
                }
            }
        }
        let batch = |receipts: &[Receipt]| {
            let batch = ReceiptBatch { id: receipt_batch_id(receipts), receipts: receipts.to_vec() };
            Outgoing::now(v1::encode(&batch))
        };
        let items: Vec<_> = receipts.chunks(RECEIPT_BATCH_MAX).map(batch).collect();
        if !items.is_empty() {
            self.ports.send(QueueName::Receipts, items).await?;
        }
        Ok(receipts.len())
    }

    async fn send_job(&self, job: CloseJob, delay: Millis) -> Result<(), StageError> {
        let item = Outgoing { body: v1::encode(&job), delay, group: None };
        Ok(self.ports.send(QueueName::Close, vec![item]).await?)
    }
}

const fn closed(message: MessageId, target: &Target, at: UnixMillis) -> Receipt {
    let event = Event::Ended(Ended::undelivered(Reason::Closed, None));
    Receipt { message, device: target.device, channel: Channel::Own, at, event }
}
