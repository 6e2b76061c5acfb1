//! One entry of a mailbox.

use bytes::Bytes;

use crate::id::{MessageId, UserHash};
use crate::limits::INLINE_PAYLOAD_MAX_BYTES;
use crate::message::Priority;
use crate::reason::Reason;
use crate::time::UnixMillis;

/// Where the payload of an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Here; at most [`crate::limits::INLINE_PAYLOAD_MAX_BYTES`].
    Inline(Bytes),
    /// In the message row.
    Reference,
}

impl Body {
    /// Where the payload of an entry belongs. What takes back another message is always looked up: a mailbox has no room for
    /// the id.
    #[must_use]
    pub fn of(payload: &Bytes, recalls: Option<MessageId>) -> Self {
        if recalls.is_none() && payload.len() <= INLINE_PAYLOAD_MAX_BYTES {
            Self::Inline(payload.clone())
        } else {
            Self::Reference
        }
    }
}

/// What may still be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// To be delivered.
    Live,
    /// Withdrawn, but the device may have it already: not sent any more, and the owning gateway finds out.
    Marked(Reason),
    /// Will never be delivered: its seq is skipped.
    Tombstone(Reason),
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How many seqs it stands for: 1, or more for merged overflow tombstones.
    pub span: u32,
    /// Which message; the last one of a merged tombstone.
    pub message: MessageId,
    /// What may still be done with it.
    pub state: EntryState,
    /// When it was made.
    pub enqueued_at: UnixMillis,
    /// When the message was accepted.
    pub accepted_at: UnixMillis,
    /// Not delivered from here on.
    pub expires_at: UnixMillis,
    /// Urgency.
    pub priority: Priority,
    /// Collapse key, if any.
    pub collapse_key: Option<String>,
    /// The user it is addressed to, if it is.
    pub user: Option<UserHash>,
    /// Where its payload is.
    pub body: Body,
    /// Which rendering of the message it is: 0 = the default, n = the nth of its localizations.
    pub variant: u8,
}

impl Entry {
    /// Makes it a tombstone and lets the payload go.
    pub(super) fn bury(&mut self, reason: Reason) {
        self.state = EntryState::Tombstone(reason);
        self.body = Body::Reference;
        self.collapse_key = None;
    }

    /// About how many bytes it takes in the item.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        const HEADER: usize = 48;
        let body = match &self.body {
            Body::Inline(payload) => payload.len(),
            Body::Reference => 0,
        };
        HEADER + body + self.collapse_key.as_ref().map_or(0, String::len)
    }
}
