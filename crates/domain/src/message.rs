//! The message as accepted.

use bytes::Bytes;

use crate::audience::Audience;
use crate::balance::Tally;
use crate::id::{AppId, MessageId};
use crate::limits::{ACCEPTED_SWEEP_AFTER, CLOSE_AFTER_EXPIRY};
use crate::stage::Stage;
use crate::time::UnixMillis;

/// How urgent a message is. High never waits behind a broadcast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// May wait for a better moment.
    Low,
    /// The default.
    #[default]
    Normal,
    /// A person waits for it.
    High,
}

/// What the sender may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Seconds it is worth delivering; 0 = now or never.
    pub ttl_seconds: u32,
    /// Urgency.
    pub priority: Priority,
    /// Of several pending messages with one key, a device needs only the newest.
    pub collapse_key: Option<String>,
}

/// A push, durable from the moment it is answered with 202.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id through every hop.
    pub id: MessageId,
    /// Whose it is.
    pub app: AppId,
    /// Who it is for.
    pub audience: Audience,
    /// What devices get on their own link: UTF-8 JSON `{"notification": …, "data": …}`, at most
    /// [`crate::limits::PAYLOAD_MAX_BYTES`].
    pub payload: Bytes,
    /// How it is to be delivered.
    pub options: Options,
    /// SHA-256 of the request body: the same Idempotency-Key with another body is a conflict.
    pub body_sha256: [u8; 32],
    /// When it was accepted.
    pub accepted_at: UnixMillis,
    /// When it is to be released; `None` = at once.
    pub release_at: Option<UnixMillis>,
    /// From here on it is not delivered any more.
    pub expires_at: UnixMillis,
    /// `accepted` or `scheduled`, `releasing`, `released`, and `completed` once it is closed (before that, completion is
    /// derived from the balance).
    pub stage: Stage,
    /// When enumeration began; devices registered later are not targeted.
    pub releasing_at: Option<UnixMillis>,
    /// When enumeration ended.
    pub released_at: Option<UnixMillis>,
    /// Which of the [`crate::limits::FANOUT_SEGMENTS`] segments are fully enumerated, one bit each.
    pub segments_done: u64,
}

impl Message {
    /// When somebody must look at the message again if nothing else moved it: its job or its timer may be lost, or it is
    /// to be closed. `None` = never again.
    #[must_use]
    pub fn due_at(&self) -> Option<UnixMillis> {
        match self.stage {
            Stage::Accepted => Some(self.accepted_at.plus(ACCEPTED_SWEEP_AFTER)),
            Stage::Scheduled => Some(self.release_at.unwrap_or(self.accepted_at).plus(ACCEPTED_SWEEP_AFTER)),
            Stage::Releasing | Stage::Released => Some(self.expires_at.plus(CLOSE_AFTER_EXPIRY)),
            // Nothing else is the stage of a message.
            _ => None,
        }
    }

    /// From when on somebody waits for it: its delay is measured from here.
    #[must_use]
    pub fn wanted_at(&self) -> UnixMillis {
        self.release_at.unwrap_or(self.accepted_at)
    }

    /// Whether nothing more is to come: every device is known, and every one has ended.
    #[must_use]
    pub fn is_complete(&self, tally: &Tally) -> bool {
        matches!(self.stage, Stage::Released | Stage::Completed) && tally.balance(None).pending == 0
    }

    /// Whether every segment of the audience has been enumerated.
    #[must_use]
    pub fn is_enumerated(&self) -> bool {
        self.segments_done == Self::all_segments(&self.audience)
    }

    /// The mask of [`Self::segments_done`] when all is done: named audiences are one segment, everyone is 64.
    #[must_use]
    pub const fn all_segments(audience: &Audience) -> u64 {
        match audience {
            Audience::Devices(_) | Audience::Users(_) => 1,
            Audience::All => u64::MAX,
        }
    }
}
