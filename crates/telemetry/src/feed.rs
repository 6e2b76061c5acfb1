//! Events about the feeds of apps, as gateways bring them to devices.

use homing_domain::{AppId, DeviceId, FeedOffset, GatewayRef};
use metrics::counter;
use tracing::debug;

use crate::metric;

/// A gateway read on in a feed, and found something.
#[derive(Clone, Copy, Debug)]
pub struct FeedRead<'a> {
    /// Whose feed.
    pub app: &'a AppId,
    /// How many entries it found.
    pub entries: usize,
    /// Up to where it knows the feed now.
    pub head: FeedOffset,
}

impl FeedRead<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::FEED_ENTRIES_READ).increment(self.entries as u64);
        debug!(app = %self.app, entries = self.entries, head = self.head, "feed read");
    }
}

/// Messages of a feed were sent to a device.
#[derive(Clone, Copy, Debug)]
pub struct FeedPushed {
    /// Which device.
    pub device: DeviceId,
    /// How many.
    pub pushes: usize,
}

impl FeedPushed {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::FEED_PUSHES).increment(self.pushes as u64);
        debug!(device = %self.device, pushes = self.pushes, "pushed by the feed");
    }
}

/// What devices acknowledged of feeds is in the receipts queue.
#[derive(Clone, Copy, Debug)]
pub struct FeedCounted {
    /// Which gateway counted.
    pub gateway: GatewayRef,
    /// Of how many messages.
    pub messages: usize,
    /// How many deliveries, of all of them.
    pub deliveries: u64,
}

impl FeedCounted {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::FEED_COUNTED).increment(self.deliveries);
        debug!(
            gateway = %self.gateway, messages = self.messages, deliveries = self.deliveries, "deliveries by feeds counted"
        );
    }
}
