//! Audiences that a business system uploads once and sends to by name.

use crate::id::{AppId, AudienceId, DeviceId, UserId};
use crate::time::UnixMillis;

/// What the lines of an uploaded list name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberKind {
    /// Devices, by id or push token.
    Devices,
    /// Users, by the business's own names.
    Users,
}

impl MemberKind {
    /// The stable name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Users => "users",
        }
    }
}

/// Names a member of a list: a device's id, or 16 bytes derived from a user's name. Evenly spread, so that a list can be
/// enumerated in segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberKey(pub [u8; 16]);

impl MemberKey {
    /// The key of a device.
    #[must_use]
    pub const fn of_device(id: &DeviceId) -> Self {
        Self(*id.as_bytes())
    }

    /// Which of the [`crate::limits::FANOUT_SEGMENTS`] segments the member is enumerated in.
    #[must_use]
    pub const fn segment(self) -> u8 {
        self.0[0] >> 2
    }
}

/// Somebody on an uploaded list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its key.
    pub key: MemberKey,
    /// The user; none on a list of devices, whose id is the key.
    pub user: Option<UserId>,
}

/// An uploaded list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedAudience {
    /// Its id.
    pub id: AudienceId,
    /// Whose it is.
    pub app: AppId,
    /// What people call it; at most [`crate::limits::AUDIENCE_NAME_MAX_BYTES`].
    pub name: Option<String>,
    /// What its lines name.
    pub kind: MemberKind,
    /// When the upload began.
    pub created_at: UnixMillis,
    /// When it is deleted.
    pub expires_at: UnixMillis,
    /// Set once it may be sent to: how many distinct members it has.
    pub members: Option<u64>,
}
