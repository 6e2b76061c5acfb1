//! Events about one (message, device), or about one mailbox.

use homing_domain::{Channel, DeviceId, GatewayRef, MessageId, Millis, Reason, Stage};
use metrics::{counter, histogram};
use tracing::{debug, info};

use crate::{metric, seconds};

/// A delivery ended: its row changed for the first time, or a late fact replaced its end.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryEnded {
    /// Which message.
    pub message: MessageId,
    /// Which device.
    pub device: DeviceId,
    /// By which way.
    pub channel: Channel,
    /// Where it ended.
    pub stage: Stage,
    /// Why, unless it was delivered.
    pub reason: Option<Reason>,
    /// From the mailbox entry to the end, when both are known.
    pub took: Option<Millis>,
}

impl DeliveryEnded {
    /// Logs and counts it.
    pub fn emit(&self) {
        let reason = self.reason.map_or("", |reason| reason.name());
        counter!(
            metric::DELIVERIES_ENDED,
            "channel" => self.channel.name(), "stage" => self.stage.name(), "reason" => reason
        )
        .increment(1);
        if let (Stage::Delivered, Some(took)) = (self.stage, self.took) {
            histogram!(metric::DELIVERY_TIME, "channel" => self.channel.name()).record(seconds(took));
        }
        debug!(
            message = %self.message, device = %self.device, channel = %self.channel, stage = %self.stage, reason,
            took_ms = self.took, "delivery ended"
        );
    }
}

/// A gateway was told to bring a message to some of its devices.
#[derive(Clone, Copy, Debug)]
pub struct HandedOff {
    /// Which message.
    pub message: MessageId,
    /// Which gateway.
    pub gateway: GatewayRef,
    /// To how many devices.
    pub devices: usize,
    /// Whether the gateway's inbox took it.
    pub is_sent: bool,
}

impl HandedOff {
    /// Logs and counts it.
    pub fn emit(&self) {
        let result = if self.is_sent { "sent" } else { "refused" };
        counter!(metric::HAND_OFFS, "result" => result).increment(1);
        debug!(message = %self.message, gateway = %self.gateway, devices = self.devices, result, "handed off");
    }
}

/// A gateway sent a hand-off back because it had no link for it.
#[derive(Clone, Copy, Debug)]
pub struct UndeliveredSeen {
    /// Which message.
    pub message: MessageId,
    /// Which device.
    pub device: DeviceId,
    /// What followed: `ended`, `handed_off` or `waiting`.
    pub followed_by: &'static str,
}

impl UndeliveredSeen {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::UNDELIVERED, "followed_by" => self.followed_by).increment(1);
        debug!(
            message = %self.message, device = %self.device, followed_by = self.followed_by, "hand-off found no link"
        );
    }
}

/// A mailbox was full.
#[derive(Clone, Copy, Debug)]
pub struct MailboxOverflowed {
    /// Whose mailbox.
    pub device: DeviceId,
    /// The message that found no room.
    pub message: MessageId,
    /// What followed: `dropped` (the oldest), `trim_asked` (of its gateway) or `refused` (the new one).
    pub followed_by: &'static str,
    /// How many older messages were dropped.
    pub dropped: usize,
}

impl MailboxOverflowed {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::MAILBOXES_OVERFLOWED, "followed_by" => self.followed_by).increment(1);
        info!(
            device = %self.device, message = %self.message, followed_by = self.followed_by, dropped = self.dropped,
            "mailbox full"
        );
    }
}
