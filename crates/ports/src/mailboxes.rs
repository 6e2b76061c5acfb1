//! The mailbox of each device: see [`homing_domain::mailbox`] for what every operation means. Each call is atomic on the
//! one item of one device, and `enqueue` is a batch of such calls, each on its own.

use std::future::Future;

use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{ConnSeq, DeviceId, MessageId, Reason, Seq, UserHash};

use crate::{Created, Result};

/// The mailboxes.
pub trait Mailboxes: Send + Sync {
    /// Puts the mailbox of a device that has just registered.
    fn create_mailbox(&self, device: DeviceId, mailbox: Mailbox) -> impl Future<Output = Result<Created>> + Send;

    /// The item as it stands, consistently read.
    fn mailbox(&self, device: DeviceId) -> impl Future<Output = Result<Option<Mailbox>>> + Send;

    /// [`Mailbox::enqueue`] for many devices; answers in the same order, each with its own fate. A device without a mailbox
    /// is [`Enqueued::Unknown`].
    fn enqueue(&self, requests: Vec<(DeviceId, Enqueue)>)
    -> impl Future<Output = Result<Vec<Result<Enqueued>>>> + Send;

    /// [`Mailbox::take_over`]; a device without a mailbox is refused as revoked.
    fn take_over(
        &self,
        device: DeviceId,
        takeover: Takeover,
    ) -> impl Future<Output = Result<std::result::Result<TakenOver, TakeoverRefused>>> + Send;

    /// [`Mailbox::tombstone`].
    fn tombstone(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        entries: Vec<(Seq, Reason)>,
    ) -> impl Future<Output = Result<std::result::Result<Tombstoned, Fenced>>> + Send;

    /// [`Mailbox::trim`].
    fn trim(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        expected_lo: Seq,
        through: Seq,
    ) -> impl Future<Output = Result<std::result::Result<Trimmed, Fenced>>> + Send;

    /// [`Mailbox::detach`].
    fn detach(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        sent: Seq,
    ) -> impl Future<Output = Result<std::result::Result<Detached, Fenced>>> + Send;

    /// Sets [`Mailbox::has_vendor`]; a device without a mailbox stays without.
    fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> impl Future<Output = Result<()>> + Send;

    /// [`Mailbox::withdraw`]; a device without a mailbox has no such entry.
    fn withdraw(
        &self,
        device: DeviceId,
        message: MessageId,
        reason: Reason,
    ) -> impl Future<Output = Result<Withdrawn>> + Send;

    /// [`Mailbox::bind`]; `None` for a device without a mailbox.
    fn bind(&self, device: DeviceId, user: Option<UserHash>) -> impl Future<Output = Result<Option<Rebound>>> + Send;

    /// [`Mailbox::revoke`]; `None` for a device without a mailbox. Repeating it answers the same messages, without the route.
    fn revoke(&self, device: DeviceId) -> impl Future<Output = Result<Option<Rebound>>> + Send;

    /// [`Mailbox::overflow`]; `None` for a device without a mailbox.
    fn overflow(&self, device: DeviceId) -> impl Future<Output = Result<Option<Overflowed>>> + Send;

    /// [`Mailbox::merge_overflow`].
    fn merge_overflow(&self, device: DeviceId, told: Vec<MessageId>) -> impl Future<Output = Result<()>> + Send;
}
