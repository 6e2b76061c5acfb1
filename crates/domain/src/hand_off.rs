//! What dispatch and binding tell a gateway. All of it are hints: the mailbox holds the truth.

use bytes::Bytes;

use crate::feed::FeedHint;
use crate::id::{ConnSeq, DeviceId, MessageId, Seq};
use crate::message::{Message, Priority};
use crate::time::UnixMillis;

/// The part of a push that is the same for each of its devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushBody {
    /// Which message.
    pub message: MessageId,
    /// When it was accepted.
    pub accepted_at: UnixMillis,
    /// Not delivered from here on.
    pub expires_at: UnixMillis,
    /// Urgency.
    pub priority: Priority,
    /// Collapse key, for the device to replace what it shows.
    pub collapse_key: Option<String>,
    /// The payload, in the rendering of its devices.
    pub payload: Bytes,
    /// Set when there is nothing to show, but this message to be taken back.
    pub recalls: Option<MessageId>,
}

impl PushBody {
    /// What devices of this variant get of a message.
    #[must_use]
    pub fn of(message: &Message, variant: u8) -> Self {
        Self {
            message: message.id,
            accepted_at: message.accepted_at,
            expires_at: message.expires_at,
            priority: message.options.priority,
            collapse_key: message.options.collapse_key.clone(),
            payload: message.rendering(variant).clone(),
            recalls: message.recalls,
        }
    }
}

/// One device of a hand-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandOffTarget {
    /// Which device.
    pub device: DeviceId,
    /// The connection that owned the mailbox when the entry was made. A gateway uses the hand-off only on that one.
    pub conn_seq: ConnSeq,
    /// The entry's number; 0 = none ("now or never").
    pub seq: Seq,
    /// When the entry was made.
    pub enqueued_at: UnixMillis,
}

/// One push for many devices of one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOff {
    /// What to bring.
    pub body: PushBody,
    /// Whom to bring it to.
    pub targets: Vec<HandOffTarget>,
}

/// What a gateway is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Bring this to these devices.
    HandOff(HandOff),
    /// The mailbox changed otherwise (unbind, recall, overflow): read it again.
    Reread {
        /// Whose mailbox.
        device: DeviceId,
        /// The connection that owned it.
        conn_seq: ConnSeq,
    },
    /// The mailbox is full: trim what is acknowledged now.
    Trim {
        /// Whose mailbox.
        device: DeviceId,
        /// The connection that owned it.
        conn_seq: ConnSeq,
    },
    /// A feed has a new entry: read it, and bring it to the devices of its app.
    Feed(FeedHint),
    /// Another connection took over: close this one as superseded.
    Superseded {
        /// Whose link.
        device: DeviceId,
        /// The connection that took over.
        by: ConnSeq,
    },
    /// The device was deregistered or its secret revoked: close its link.
    Revoked {
        /// Whose link.
        device: DeviceId,
    },
    /// Heartbeat settings changed: read them again and tell live links.
    HeartbeatChanged,
    /// Take no new links; ask the others to move within this time, in milliseconds.
    Drain {
        /// Over which time devices are spread.
        spread: u64,
    },
}
