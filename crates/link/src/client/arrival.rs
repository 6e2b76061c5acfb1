//! What arrives in order and must be durable before it is acknowledged.

use bytes::Bytes;
use homing_domain::{MessageId, Priority, Seq, UnixMillis};
use homing_wire::{PayloadEncoding, Push, PushPriority, SkipReason};

use super::memory::Cursor;

/// A message as the device gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id; a repeat has the same.
    pub id: MessageId,
    /// Its number in the mailbox; 0 = none ("now or never", or it came by the app's feed).
    pub seq: Seq,
    /// When the platform accepted it.
    pub accepted_at: UnixMillis,
    /// Not to be shown from here on.
    pub expires_at: UnixMillis,
    /// Urgency.
    pub priority: Priority,
    /// A newer message with this key replaces what is shown.
    pub collapse_key: Option<String>,
    /// How the payload is to be read.
    pub encoding: PayloadEncoding,
    /// The payload.
    pub payload: Bytes,
}

impl Message {
    /// `None` = the frame holds no message id or an encoding that this version does not know.
    pub(super) fn from_push(push: Push) -> Option<Self> {
        Some(Self {
            id: MessageId::from_slice(&push.message)?,
            seq: push.seq,
            accepted_at: UnixMillis(push.accepted_ms),
            expires_at: UnixMillis(push.expires_ms),
            priority: match push.priority() {
                PushPriority::Low => Priority::Low,
                PushPriority::Normal => Priority::Normal,
                PushPriority::High => Priority::High,
            },
            encoding: PayloadEncoding::try_from(push.encoding).ok()?,
            collapse_key: Some(push.collapse_key).filter(|key| !key.is_empty()),
            payload: push.payload,
        })
    }
}

/// Messages may be missing: the app should synchronise with its own server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The device's cursor did not fit the mailbox: a restored backup, or a new mailbox.
    Reset,
    /// The mailbox was full and the oldest messages gave way.
    Overflow,
    /// Seqs were missing without a Skip, twice at the same place.
    Hole,
}

/// One step of the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A message for the app.
    Message(Message),
    /// A message or a recall that came before, under another seq or another way: not for the app.
    Duplicate(MessageId),
    /// The sender takes a message back. If it has not come yet, it is a duplicate when it does.
    Recalled {
        /// Which message.
        message: MessageId,
        /// The recall's own id; a repeat has the same. `None` = it has none.
        recall: Option<MessageId>,
    },
    /// Seqs that will never come.
    Skipped {
        /// Why; `None` = a reason that this version does not know.
        reason: Option<SkipReason>,
        /// How many.
        count: u64,
    },
    /// The cursor moved over what the app's feed has for other devices only: nothing for the app to hear.
    PassedOver,
    /// The cursor was set anew. The offset in the feed stays.
    Reset,
    /// The cursor went over a hole.
    Hole {
        /// How many seqs.
        count: u64,
    },
}

impl Arrival {
    /// Whether the app must be told of a possible loss.
    #[must_use]
    pub const fn loss(&self) -> Option<Loss> {
        match self {
            Self::Skipped { reason: Some(SkipReason::Overflow), .. } => Some(Loss::Overflow),
            Self::Reset => Some(Loss::Reset),
            Self::Hole { .. } => Some(Loss::Hole),
            Self::Message(_) | Self::Duplicate(_) | Self::Recalled { .. } | Self::Skipped { .. } | Self::PassedOver => {
                None
            }
        }
    }
}

/// One durable write: what arrived and where the cursor stands after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// For [`super::Memory::committed`]; rises by one.
    pub number: u64,
    /// The cursor to be written with it.
    pub cursor: Cursor,
    /// What arrived.
    pub arrival: Arrival,
}
