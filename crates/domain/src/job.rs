//! The typed inputs of the stages after intake, as they stand in queues.

use crate::id::{ConnSeq, DeviceId, MessageId, ShardId, UserHash};
use crate::reason::Reason;
use crate::time::UnixMillis;
use crate::upload::MemberKey;

/// Where an enumeration goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cursor {
    /// From the beginning.
    Start,
    /// Named audiences: from this index of the list on.
    Index(u32),
    /// What is enumerated in segments of the directory: after this device.
    After(DeviceId),
    /// An uploaded list: after this member.
    AfterMember(MemberKey),
    /// The recipients of another message: after this page of its.
    AfterShard(ShardId),
}

/// Enumerate (a part of) a message's audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudienceJob {
    /// Which message.
    pub message: MessageId,
    /// Which segment; `None` = the whole, to be split when the audience is everyone.
    pub segment: Option<u8>,
    /// Where to go on.
    pub cursor: Cursor,
}

/// Let the devices of a message go on whose time has come: those of its pages that were held until `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldJob {
    /// Which message.
    pub message: MessageId,
    /// Which hold.
    pub at: UnixMillis,
    /// The last page that was looked at; `None` = begin.
    pub after: Option<ShardId>,
}

/// One device of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which device.
    pub device: DeviceId,
    /// Set when the message is addressed to a user: the device must still be bound to them.
    pub user: Option<UserHash>,
    /// Which rendering of the message the device gets: 0 = the default, n = the nth of its localizations.
    pub variant: u8,
    /// Held back until then: its local time has not come, or it is in quiet hours.
    pub hold: Option<UnixMillis>,
    /// Set when the device is counted and gets nothing: suppressed for this reason.
    pub refusal: Option<Reason>,
}

impl Target {
    /// A device that gets the default rendering at once.
    #[must_use]
    pub const fn plain(device: DeviceId, user: Option<UserHash>) -> Self {
        Self { device, user, variant: 0, hold: None, refusal: None }
    }
}

/// A page of a message's audience. Stored before it is counted or sent, so that a repeat of its job names the same
/// devices even when the directory changed in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Derived from (message, segment, page start).
    pub id: ShardId,
    /// Which message.
    pub message: MessageId,
    /// At most [`crate::limits::SHARD_MAX_DEVICES`].
    pub targets: Vec<Target>,
    /// Where the enumeration goes on; `None` = this was the segment's last page.
    pub next: Option<Cursor>,
}

/// A hand-off that found no link: dispatch looks again. The message itself is still in the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Which device.
    pub device: DeviceId,
    /// The connection it was meant for.
    pub conn_seq: ConnSeq,
    /// Which message.
    pub message: MessageId,
    /// Whether the message has no mailbox entry ("now or never"), so that this was its only chance.
    pub transient: bool,
}

/// Ask the vendors of these devices to bring a message, unless a device has it by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorJob {
    /// Which message.
    pub message: MessageId,
    /// At most [`crate::limits::SHARD_MAX_DEVICES`].
    pub targets: Vec<Target>,
}

/// Close a message: what is still pending at `at` will not come any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseJob {
    /// Which message.
    pub message: MessageId,
    /// Not before.
    pub at: UnixMillis,
    /// The last shard that is closed already; `None` = begin.
    pub after: Option<ShardId>,
}

/// A timer of a scheduled message went off, early perhaps, more than once perhaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueTick {
    /// Which message.
    pub message: MessageId,
    /// For when it was set. A tick for another time than the message's is void.
    pub at: UnixMillis,
}
