//! Events about the devices' vendors.

use homing_domain::{AppId, Channel, DeviceId, MessageId, Millis};
use metrics::{counter, histogram};
use tracing::{debug, error, info, warn};

use crate::{metric, number, seconds};

/// A vendor was asked to bring a message to some devices, or was to be asked.
#[derive(Clone, Copy, Debug)]
pub struct VendorAsked<'a> {
    /// Which message.
    pub message: MessageId,
    /// Whose.
    pub app: &'a AppId,
    /// Which vendor.
    pub channel: Channel,
    /// Which try, from 0.
    pub attempt: u32,
    /// What became of how many devices: the name of the vendor's class, or `busy`, `unsent`, `unknown`.
    pub outcomes: &'a [(&'static str, u64)],
    /// How long it took, all requests together.
    pub took: Millis,
}

impl VendorAsked<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        for (outcome, devices) in self.outcomes {
            counter!(metric::VENDOR_DEVICES, "channel" => self.channel.name(), "outcome" => *outcome)
                .increment(*devices);
        }
        histogram!(metric::VENDOR_TIME, "channel" => self.channel.name()).record(seconds(self.took));
        info!(
            message = %self.message, app = %self.app, channel = %self.channel, attempt = self.attempt,
            outcomes = ?self.outcomes, took_ms = self.took, "vendor asked"
        );
    }
}

/// A vendor said that a token is dead.
#[derive(Clone, Copy, Debug)]
pub struct TokenDied {
    /// Whose token.
    pub device: DeviceId,
    /// At which vendor.
    pub channel: Channel,
    /// What followed: `forgotten`, `kept` (the device has another by now, or reported it again), `spared` (too many died at
    /// once) or `failed`.
    pub followed_by: &'static str,
}

impl TokenDied {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::TOKENS_DIED, "channel" => self.channel.name(), "followed_by" => self.followed_by).increment(1);
        debug!(device = %self.device, channel = %self.channel, followed_by = self.followed_by, "token died");
    }
}

/// So many tokens of an app's channel died at once that none is forgotten for now.
#[derive(Clone, Copy, Debug)]
pub struct CleaningStopped<'a> {
    /// Whose.
    pub app: &'a AppId,
    /// At which vendor.
    pub channel: Channel,
    /// Tokens that the vendor said are dead, of those that were just asked about.
    pub dead: usize,
    /// Those.
    pub seen: usize,
}

impl CleaningStopped<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::CLEANINGS_STOPPED, "channel" => self.channel.name()).increment(1);
        error!(
            app = %self.app, channel = %self.channel, dead = self.dead, seen = self.seen,
            "a vendor says that very many tokens are dead: none is forgotten for now; look at the credential"
        );
    }
}

/// A vendor does not take an app's credential, or lets it do too little.
#[derive(Clone, Copy, Debug)]
pub struct CredentialRefused<'a> {
    /// Whose.
    pub app: &'a AppId,
    /// At which vendor.
    pub channel: Channel,
    /// The vendor's own code.
    pub code: &'a str,
}

impl CredentialRefused<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::CREDENTIALS_REFUSED, "channel" => self.channel.name()).increment(1);
        error!(app = %self.app, channel = %self.channel, code = self.code, "a vendor refuses the app's credential");
    }
}

/// A vendor's servers fail one request after the other, and are left alone for a while.
#[derive(Clone, Copy, Debug)]
pub struct CircuitOpened<'a> {
    /// For which app.
    pub app: &'a AppId,
    /// Which vendor.
    pub channel: Channel,
    /// How long nobody asks.
    pub pause: Millis,
}

impl CircuitOpened<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::CIRCUITS_OPENED, "channel" => self.channel.name()).increment(1);
        warn!(
            app = %self.app, channel = %self.channel, pause_ms = self.pause,
            "a vendor does not answer, or with faults of its own: nobody asks for a while"
        );
    }
}

/// A vendor asked to be left alone until its window turns.
#[derive(Clone, Copy, Debug)]
pub struct QuotaSpent<'a> {
    /// Whose.
    pub app: &'a AppId,
    /// At which vendor.
    pub channel: Channel,
    /// How long nobody asks.
    pub pause: Millis,
}

impl QuotaSpent<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        histogram!(metric::QUOTA_PAUSES, "channel" => self.channel.name()).record(seconds(self.pause));
        warn!(app = %self.app, channel = %self.channel, pause_ms = self.pause, "an app's quota at a vendor is spent");
    }
}

/// How many devices of a page were left to vendors' queues.
#[derive(Clone, Copy, Debug)]
pub struct LeftToVendor {
    /// Which message.
    pub message: MessageId,
    /// Which vendor.
    pub channel: Channel,
    /// How many devices.
    pub devices: usize,
}

impl LeftToVendor {
    /// Logs and counts it.
    pub fn emit(&self) {
        histogram!(metric::VENDOR_BATCHES, "channel" => self.channel.name()).record(number(self.devices));
        debug!(message = %self.message, channel = %self.channel, devices = self.devices, "left to a vendor's queue");
    }
}
