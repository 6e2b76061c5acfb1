//! The message as accepted.

use bytes::Bytes;

use crate::audience::Audience;
use crate::id::{AppId, MessageId};
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
    /// From here on it is not delivered any more.
    pub expires_at: UnixMillis,
    /// `accepted`, `releasing` or `released` (completion is derived from the balance).
    pub stage: Stage,
    /// When enumeration began; devices registered later are not targeted.
    pub releasing_at: Option<UnixMillis>,
    /// When enumeration ended.
    pub released_at: Option<UnixMillis>,
    /// Which of the [`crate::limits::FANOUT_SEGMENTS`] segments are fully enumerated, one bit each.
    pub segments_done: u64,
}

impl Message {
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
