//! Dispatch: a page of devices becomes mailbox entries and hand-offs to the gateways that hold their links, a broadcast
//! becomes an entry in the feed of its app, and devices that do not answer are given to their vendors.
//!
//! Input: a [`Shard`], an [`Undelivered`](homing_domain::Undelivered), a [`FeedJob`](homing_domain::FeedJob) or a
//! [`VendorJob`](homing_domain::VendorJob) of [`QueueName::Dispatch`](homing_ports::QueueName::Dispatch), and a [`ChannelJob`]
//! of a vendor's own queue. Output: mailbox entries, one notice per gateway, entries of feeds, jobs in vendors' queues and
//! questions to vendors, and a [`ReceiptBatch`](homing_domain::ReceiptBatch) for whatever ended here. Enqueueing is idempotent per message, a feed takes
//! an entry once, a delivery is claimed before its vendor is asked, and a device drops a push that it has seen; so an item
//! may be handled any number of times.
//!
//! A hand-off is a hint and leaves only after the mailbox entry is durable. It goes to a gateway whose lease is valid;
//! else the entry waits in the mailbox. Which way a message takes is its delivery policy (ADR 0019).
//!
//! **Must not know**: audiences, lanes, which devices there are (it reads the row of one that it is given, for its address
//! at the vendor), any vendor's protocol outside of [`ask`], an async runtime, a timer.

pub mod ask;

mod append;
mod asked;
mod cache;
mod channel_job;
mod claims;
mod enqueue;
mod hand_off;
mod now_or_never;
mod outcome;
mod overflow;
mod take_back;
mod undelivered;
mod vendor_job;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue::{self, DispatchInput};
use homing_directory::CleaningBreakers;
use homing_domain::limits::{CLOSE_AFTER_EXPIRY, QUEUE_DELAY_MAX};
use homing_domain::{ChannelJob, Flow, Reason, Shard, Target};
use homing_ports::{
    Clock, Devices, Error, Events, Feeds, Gateways, Ledger, Mailboxes, Messages, Notices, Queues, StageError,
    VendorTokens, Vendors,
};

use crate::cache::{LeaseCache, MessageCache, Rendered};
use crate::outcome::Outcome;

/// What dispatch needs from the world.
pub trait Ports:
    Messages + Mailboxes + Devices + Feeds + Ledger + Gateways + Notices + Queues + VendorTokens + Events + Clock
{
}

impl<P> Ports for P where
    P: Messages + Mailboxes + Devices + Feeds + Ledger + Gateways + Notices + Queues + VendorTokens + Events + Clock
{
}

/// The stage. Clones share their caches.
#[derive(Debug)]
pub struct Dispatch<P, V> {
    ports: Arc<P>,
    vendors: Arc<V>,
    messages: Arc<MessageCache>,
    leases: Arc<LeaseCache>,
    cleaning: Arc<CleaningBreakers>,
}

impl<P, V> Clone for Dispatch<P, V> {
    fn clone(&self) -> Self {
        Self {
            ports: Arc::clone(&self.ports),
            vendors: Arc::clone(&self.vendors),
            messages: Arc::clone(&self.messages),
            leases: Arc::clone(&self.leases),
            cleaning: Arc::clone(&self.cleaning),
        }
    }
}

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// A stage over these ports and vendors, with empty caches.
    #[must_use]
    pub fn new(ports: Arc<P>, vendors: Arc<V>) -> Self {
        Self { ports, vendors, messages: Arc::default(), leases: Arc::default(), cleaning: Arc::default() }
    }

    /// Does the work of one queue item.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        let input = queue::decode_dispatch_input(body).map_err(StageError::poison)?;
        self.handle(input).await
    }

    /// Does the work of one item of a vendor's queue.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn consume_channel(&self, body: &Bytes) -> Result<(), StageError> {
        let job = queue::decode_channel_job(body).map_err(StageError::poison)?;
        self.handle_channel(job).await
    }

    /// Asks a vendor. May be repeated at any time.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn handle_channel(&self, job: ChannelJob) -> Result<(), StageError> {
        self.channel_job(job).await
    }

    /// Does what the item says. May be repeated at any time.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn handle(&self, input: DispatchInput) -> Result<(), StageError> {
        match input {
            DispatchInput::Shard(shard) => self.shard(shard).await,
            DispatchInput::Undelivered(undelivered) => self.undelivered(undelivered).await,
            DispatchInput::Feed(job) => self.append(job).await,
            DispatchInput::Vendor(job) => self.vendor_job(job).await,
        }
    }

    async fn shard(&self, shard: Shard) -> Result<(), StageError> {
        let message = self.message(&shard).await?;
        let mut outcome = Outcome::new(shard.message, self.ports.now());
        let mut targets = Vec::with_capacity(shard.targets.len());
        for target in &shard.targets {
            match target.refusal {
                // Decided with the page, so a repeat ends alike.
                Some(reason) => outcome.end(target.device, reason),
                None => targets.push(*target),
            }
        }
        let failure = self.bring(&message, &targets, &mut outcome).await?;
        self.finish(&message, &shard, outcome, failure).await
    }

    /// The message of a shard. Devices that are held back come before their time only when the message was stopped, so that
    /// they end; what is remembered may not know of that yet, and would bring it to them.
    async fn message(&self, shard: &Shard) -> Result<Arc<Rendered>, StageError> {
        let now = self.ports.now();
        let early = shard.targets.iter().filter_map(|target| target.hold).max().map_or(0, |hold| hold.since(now));
        if early == 0 {
            return self.messages.read(&*self.ports, shard.message).await;
        }
        let message = self.messages.read_anew(&*self.ports, shard.message).await?;
        if message.flow.is_stopped() || now >= over_at(&message) {
            return Ok(message);
        }
        Err(StageError::Later { delay: early.min(QUEUE_DELAY_MAX) })
    }

    async fn bring(
        &self,
        message: &Rendered,
        targets: &[Target],
        outcome: &mut Outcome,
    ) -> Result<Option<Error>, StageError> {
        if message.is_vendor_only() {
            return self.leave_to_vendors(message, targets).await;
        }
        if outcome.now >= over_at(message) {
            outcome.end_all(targets, Reason::TimeToLive);
            return Ok(None);
        }
        match (message.flow, message.takes_back) {
            (Flow::Aborted, _) => self.decline(message, targets, Reason::Aborted, outcome).await,
            (Flow::Recalled, _) => self.decline(message, targets, Reason::Recalled, outcome).await,
            (Flow::Running | Flow::Paused, Some(back)) => self.take_back(message, back, targets, outcome).await,
            _ if message.is_now_or_never => self.look_up(message, targets, outcome).await,
            _ => self.enqueue(message, targets, outcome).await,
        }
    }
}

/// From when on no shard of the message is dispatched. "Now or never" has no time to live to go by: a shard that was
/// stuck until the message is closed comes too late.
fn over_at(message: &Rendered) -> homing_domain::UnixMillis {
    if message.is_now_or_never { message.expires_at.plus(CLOSE_AFTER_EXPIRY) } else { message.expires_at }
}
