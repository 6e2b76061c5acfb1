//! Events about messages.

use homing_domain::{AppId, MessageId, Millis, ShardId};
use metrics::{counter, histogram};
use tracing::{debug, info};

use crate::{metric, seconds};

/// A message is durable and its job is queued.
#[derive(Clone, Copy, Debug)]
pub struct MessageAccepted<'a> {
    /// Which message.
    pub message: MessageId,
    /// Whose it is.
    pub app: &'a AppId,
    /// Whether it is new, not a repeat of an Idempotency-Key.
    pub is_new: bool,
    /// Size of the payload in bytes.
    pub payload_bytes: usize,
}

impl MessageAccepted<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        if self.is_new {
            counter!(metric::MESSAGES_ACCEPTED, "app" => self.app.to_string()).increment(1);
        }
        info!(
            message = %self.message, app = %self.app, is_new = self.is_new, payload_bytes = self.payload_bytes,
            "message accepted"
        );
    }
}

/// A sender changed a message that was accepted before.
#[derive(Clone, Copy, Debug)]
pub struct MessageControlled<'a> {
    /// Which message.
    pub message: MessageId,
    /// Whose it is.
    pub app: &'a AppId,
    /// What was changed.
    pub change: &'static str,
}

impl MessageControlled<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::MESSAGES_CONTROLLED, "change" => self.change).increment(1);
        info!(message = %self.message, app = %self.app, change = self.change, "message controlled");
    }
}

/// A page of an audience is stored, counted and sent to dispatch.
#[derive(Clone, Copy, Debug)]
pub struct AudienceExpanded {
    /// Which message.
    pub message: MessageId,
    /// The page.
    pub shard: ShardId,
    /// Of which segment.
    pub segment: u8,
    /// How many devices it holds.
    pub devices: usize,
}

impl AudienceExpanded {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::DEVICES_TARGETED).increment(self.devices as u64);
        debug!(
            message = %self.message, shard = %self.shard, segment = self.segment, devices = self.devices,
            "audience expanded"
        );
    }
}

/// Every device a message is for is known.
#[derive(Clone, Copy, Debug)]
pub struct MessageReleased {
    /// Which message.
    pub message: MessageId,
    /// Since its acceptance, or since its time.
    pub took: Millis,
}

impl MessageReleased {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::MESSAGES_RELEASED).increment(1);
        info!(message = %self.message, took_ms = self.took, "message released");
    }
}

/// A shard went through dispatch.
#[derive(Clone, Copy, Debug)]
pub struct ShardDispatched {
    /// Which message.
    pub message: MessageId,
    /// The page, or what was left of it.
    pub shard: ShardId,
    /// Devices handed to a gateway.
    pub handed_off: usize,
    /// Devices whose mailbox holds the message until they come back.
    pub waiting: usize,
    /// Deliveries that ended here.
    pub ended: usize,
    /// Devices that are tried again later.
    pub again: usize,
    /// Since the message's acceptance, or since its time.
    pub since_wanted: Millis,
}

impl ShardDispatched {
    /// Logs and counts it.
    pub fn emit(&self) {
        for (outcome, devices) in
            [("handed_off", self.handed_off), ("waiting", self.waiting), ("ended", self.ended), ("again", self.again)]
        {
            if devices > 0 {
                counter!(metric::DEVICES_DISPATCHED, "outcome" => outcome).increment(devices as u64);
            }
        }
        histogram!(metric::DISPATCH_DELAY).record(seconds(self.since_wanted));
        debug!(
            message = %self.message, shard = %self.shard, handed_off = self.handed_off, waiting = self.waiting,
            ended = self.ended, again = self.again, since_wanted_ms = self.since_wanted, "shard dispatched"
        );
    }
}

/// Some pages of a message that is over are closed: what was pending is expired. Or nothing was, and it is completed.
#[derive(Clone, Copy, Debug)]
pub struct MessageClosed {
    /// Which message.
    pub message: MessageId,
    /// Deliveries of these pages that were still pending.
    pub expired: usize,
    /// Whether nothing of it is pending any more.
    pub is_last: bool,
}

impl MessageClosed {
    /// Logs and counts it.
    pub fn emit(&self) {
        if self.is_last {
            counter!(metric::MESSAGES_CLOSED).increment(1);
        }
        info!(message = %self.message, expired = self.expired, is_last = self.is_last, "message closed");
    }
}
