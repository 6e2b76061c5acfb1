//! The typed inputs of the stages after intake, as they stand in queues.

use crate::id::{ConnSeq, DeviceId, MessageId, ShardId, UserHash};
use crate::time::UnixMillis;

/// Where an enumeration goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cursor {
    /// From the beginning.
    Start,
    /// Named audiences: from this index of the list on.
    Index(u32),
    /// Everyone: after this device.
    After(DeviceId),
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

/// One device of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which device.
    pub device: DeviceId,
    /// Set when the message is addressed to a user: the device must still be bound to them.
    pub user: Option<UserHash>,
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
