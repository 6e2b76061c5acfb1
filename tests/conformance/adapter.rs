//! What a suite needs of an adapter beside its ports.

use std::future::Future;

use homing_domain::{Millis, UnixMillis};
use homing_ports::{
    Apps, Audiences, Devices, Events, Feeds, Gateways, Ledger, Mailboxes, Messages, NoticeSource, Notices, Queues,
    Settings, Statistics, Throttles, Timers, Upstreams, VendorChannels, VendorTokens,
};

/// Every port at once.
pub(crate) trait Ports:
    Apps
    + Audiences
    + Devices
    + Events
    + Feeds
    + Gateways
    + Ledger
    + Mailboxes
    + Messages
    + NoticeSource
    + Notices
    + Queues
    + Settings
    + Statistics
    + Throttles
    + Timers
    + Upstreams
    + VendorChannels
    + VendorTokens
    + Clone
    + 'static
{
}

impl<P> Ports for P where
    P: Apps
        + Audiences
        + Devices
        + Events
        + Feeds
        + Gateways
        + Ledger
        + Mailboxes
        + Messages
        + NoticeSource
        + Notices
        + Queues
        + Settings
        + Statistics
        + Statistics
        + Throttles
        + Timers
        + Upstreams
        + VendorChannels
        + VendorTokens
        + Clone
        + 'static
{
}

/// An empty installation on one adapter.
pub(crate) trait Adapter: Sized + Send + Sync {
    /// Its ports.
    type Ports: Ports;

    /// Makes one.
    fn start() -> impl Future<Output = Self> + Send;

    /// The ports.
    fn ports(&self) -> &Self::Ports;

    /// The time by which the adapter judges visibility and delays.
    fn now(&self) -> UnixMillis;

    /// Lets that time pass.
    fn advance(&self, by: Millis) -> impl Future<Output = ()> + Send;

    /// Waits until lists show what was written. An adapter whose lists are never stale has nothing to wait for.
    fn settle(&self) -> impl Future<Output = ()> + Send;
}
