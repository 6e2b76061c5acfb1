//! The ledger: one row per (message, device), and the numbers of each message.

use std::future::Future;

use homing_domain::{
    AppId, BatchId, Channel, Claimed, Delivery, DeviceId, MessageId, Receipt, ShardId, Snapshots, Tally, UnixMillis,
    VersionLabel,
};

use crate::Result;

/// Rows and numbers. Counting goes in two steps, so that a crash between them is repaired by repeating both: first the
/// rows remember which batch changed them, then the batch's changes are added once.
pub trait Ledger: Send + Sync {
    /// Takes receipts into their rows ([`Delivery::record`]), each row atomically, and answers the rows as they stand. A row
    /// that changes keeps what is known of its device ([`Delivery::keep_about`]).
    fn record(
        &self,
        batch: BatchId,
        receipts: Vec<Receipt>,
        about: Snapshots,
    ) -> impl Future<Output = Result<Vec<Delivery>>> + Send;

    /// The name under which figures of an app know a version: its own while there are fewer than
    /// [`homing_domain::limits::VERSION_LABELS_MAX`] or it is one of them, else [`VersionLabel::OTHER`]. The answer for a
    /// version never changes once it was its own.
    fn version_label(&self, app: &AppId, version: VersionLabel) -> impl Future<Output = Result<VersionLabel>> + Send;

    /// Adds a batch's changes to a message's numbers, once per (batch, message): the addition and the memory of it are one
    /// transaction.
    fn count(&self, batch: BatchId, changes: Vec<(MessageId, Tally)>) -> impl Future<Output = Result<()>> + Send;

    /// Adds a page's devices to a message's `targeted`, and what the page covers (in parts of
    /// [`homing_domain::ENUMERATION_WHOLE`]) to what is enumerated, once per shard.
    fn count_targets(
        &self,
        shard: ShardId,
        message: MessageId,
        devices: usize,
        covers: u32,
    ) -> impl Future<Output = Result<()>> + Send;

    /// [`Delivery::claim`], atomically; a row that is not there yet is made, of that channel. A claim whose answer was lost may
    /// stand: whoever finds it when it is void is told so.
    fn claim_delivery(
        &self,
        message: MessageId,
        device: DeviceId,
        channel: Channel,
        now: UnixMillis,
    ) -> impl Future<Output = Result<Claimed>> + Send;

    /// [`Delivery::release_claim`]. A row that has ended stays ended.
    fn release_claim(&self, message: MessageId, device: DeviceId) -> impl Future<Output = Result<()>> + Send;

    /// A message's numbers.
    fn tally(&self, message: MessageId) -> impl Future<Output = Result<Tally>> + Send;

    /// One row, consistently read.
    fn delivery(&self, message: MessageId, device: DeviceId) -> impl Future<Output = Result<Option<Delivery>>> + Send;

    /// Rows of a message in the order of device ids, after `after`, at most `limit`.
    fn deliveries(
        &self,
        message: MessageId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Delivery>>> + Send;
}
