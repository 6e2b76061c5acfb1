//! Closing: what is still pending an hour after its message expired will not come any more.
//!
//! A message of which nothing is pending is completed when its last delivery is counted; what the sweeper finds overdue is
//! the rest, and it sends the close job of each every minute as long as it is. The job looks at the numbers first: when
//! nothing is pending any more the message is completed. Else a pass over the pages ends what is pending, and the receipts it
//! sends complete the message when they are counted. So a message never completes over a row that is pending.
//!
//! A message in a feed is open until it is closed, so it is closing that tells the business of its completion.
//!
//! A close never hides a loss: it ends only what is targeted, and each of these is an entry in its device's mailbox.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use homing_contract::queue::{self, v1};
use homing_credentials::receipt_batch_id;
use homing_domain::limits::{QUEUE_DELAY_MAX, RECEIPT_BATCH_MAX};
use homing_domain::{
    Balance, BusEvent, Channel, CloseJob, Ended, Event, Message, MessageId, Millis, Reason, Receipt, ReceiptBatch,
    Shard, Stage, Target, UnixMillis,
};
use homing_ports::{Apps, Clock, Events, Ledger, Messages, Outgoing, QueueName, Queues, StageError};
use homing_telemetry::MessageClosed;

#[cfg(test)]
mod tests;

/// Shards that one job closes before it passes the rest on: 4,096 rows are read within a few seconds, far below the
/// time that a received job stays hidden.
pub const SHARDS_PER_JOB: usize = 16;

/// Rows that are read at the same time.
const READS_AT_ONCE: usize = 32;

/// How often the sweeper sends the job of an overdue message.
const SWEPT_EVERY: Millis = 60_000;

/// Devices that a pass closes within a minute for sure: the pauses between passes grow with the message, so that a pass
/// over millions of devices has ended before the next one begins.
const DEVICES_PER_MINUTE: i64 = 50_000;

/// The first passes come one after the other: receipts take seconds to be counted.
const EAGER_PASSES: u64 = 4;

/// After those, a pass has so many pauses between it and the next: receipts that stay uncounted for so long are dead letters,
/// and reading every row each minute would be dear.
const PASS_EVERY: u64 = 16;

/// A message whose rows have all ended although its numbers say otherwise is completed after this, and a person is told:
/// some receipts are dead letters. They still count when they are redriven.
const BALANCED_WITHIN: Millis = 24 * 3_600_000;

/// What closing needs from the world.
pub trait Ports: Apps + Messages + Ledger + Queues + Events + Clock {}

impl<P: Apps + Messages + Ledger + Queues + Events + Clock> Ports for P {}

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

    /// Begins a pass, goes on with one, or finds the message done.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the job instead of deleting it.
    pub async fn handle(&self, job: CloseJob) -> Result<(), StageError> {
        let now = self.ports.now();
        if now < job.at {
            return Err(StageError::Later { delay: job.at.since(now).min(QUEUE_DELAY_MAX) });
        }
        if job.after.is_none() {
            let balance = self.ports.tally(job.message).await?.balance(None);
            if balance.pending == 0 {
                let Some(message) = self.ports.message(job.message).await? else { return Ok(()) };
                return self.complete(&message, balance, now).await;
            }
            if !is_pass_due(now.since(job.at), balance.targeted) {
                return Ok(());
            }
        }
        self.pass(job, now).await
    }

    /// Closes some pages and passes the rest on. A job whose pass ended something is passed on as of now: that its time is
    /// not the message's any more tells the last job of the pass.
    async fn pass(&self, job: CloseJob, now: UnixMillis) -> Result<(), StageError> {
        let shards = self.ports.shards(job.message, job.after, SHARDS_PER_JOB).await?;
        let mut expired = 0;
        for shard in &shards {
            expired += self.close_shard(shard, now).await?;
        }
        MessageClosed { message: job.message, expired, is_last: false }.emit();
        let at = if expired > 0 { now } else { job.at };
        match shards.last().filter(|_| shards.len() >= SHARDS_PER_JOB) {
            Some(last) => self.send_job(CloseJob { message: job.message, at, after: Some(last.id) }).await,
            None => self.end_pass(job.message, at, now).await,
        }
    }

    /// What a pass that found every row ended means for a message whose numbers do not show it: for a while, that they
    /// will; then, that somebody must look.
    async fn end_pass(&self, id: MessageId, at: UnixMillis, now: UnixMillis) -> Result<(), StageError> {
        let Some(message) = self.ports.message(id).await? else { return Ok(()) };
        let Some(due_at) = message.due_at() else { return Ok(()) };
        if at > due_at || now < due_at.plus(BALANCED_WITHIN) {
            return Ok(());
        }
        let balance = self.ports.tally(id).await?.balance(None);
        if balance.pending != 0 {
            let pending = balance.pending;
            let detail = format!("message {id}: every row has ended, but the numbers say that {pending} are pending");
            let app = Some(message.app.clone());
            let alert = BusEvent::Alert { app, name: "message_unbalanced", detail, at: now };
            self.ports.publish(vec![alert]).await?;
        }
        self.complete(&message, balance, now).await
    }

    async fn complete(&self, message: &Message, balance: Balance, now: UnixMillis) -> Result<(), StageError> {
        // Told first: as long as the message is not completed, it is overdue, and a crash in between is repaired.
        if message.feed_after.is_some() && message.stage == Stage::Released && self.asks(message).await? {
            let (app, message) = (message.app.clone(), message.id);
            self.ports.publish(vec![BusEvent::MessageCompleted { app, message, balance, at: now }]).await?;
        }
        self.ports.complete(message.id).await?;
        MessageClosed { message: message.id, expired: 0, is_last: true }.emit();
        Ok(())
    }

    /// Whether somebody wants to be told that it is complete.
    async fn asks(&self, message: &Message) -> Result<bool, StageError> {
        let app = if message.has_sender() { self.ports.app(&message.app).await? } else { None };
        Ok(app.is_some_and(|app| app.events.message_completed))
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

    async fn send_job(&self, job: CloseJob) -> Result<(), StageError> {
        Ok(self.ports.send(QueueName::Close, vec![Outgoing::now(v1::encode(&job))]).await?)
    }
}

const fn closed(message: MessageId, target: &Target, at: UnixMillis) -> Receipt {
    let event = Event::Ended(Ended::undelivered(Reason::Closed, None));
    Receipt { message, device: target.device, channel: Channel::Own, at, event }
}

/// Whether a pass begins with the job that comes `overdue` after the message was to be closed.
fn is_pass_due(overdue: Millis, targeted: i64) -> bool {
    let minutes = 1 + u64::try_from(targeted / DEVICES_PER_MINUTE).unwrap_or(0);
    let pause = SWEPT_EVERY * minutes;
    let pauses = overdue / pause;
    overdue % pause < SWEPT_EVERY && (pauses < EAGER_PASSES || pauses.is_multiple_of(PASS_EVERY))
}
