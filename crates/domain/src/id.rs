//! Typed identifiers. A wrong one cannot be passed: each noun has its own type, and text is checked when it becomes one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::limits::{APP_ID_MAX_BYTES, USER_ID_MAX_BYTES};

/// Number of a message in a device's mailbox: dense from 1 within one [`Epoch`] (device-link design, rule 1).
pub type Seq = u64;
/// The device's connection counter, raised and persisted by the device before each connect: the fence.
pub type ConnSeq = u64;
/// Place of an entry in the feed of an app: dense from 1; 0 = before the first.
pub type FeedOffset = u64;
/// Which life of a mailbox a [`Seq`] belongs to; a re-created mailbox gets a new one.
pub type Epoch = u64;

/// Why a text is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not the 36-character hyphenated form (or 32 hex digits) of 16 bytes.
    #[error("must be a UUID")]
    NotUuid,
    /// An app id that is not 1 to 32 of `a-z 0-9 -`, or that starts or ends with `-`.
    #[error("must be 1 to {APP_ID_MAX_BYTES} of a-z, 0-9 and -, not starting or ending with -")]
    NotAppId,
    /// A user id that is empty, too long, or holds control characters.
    #[error("must be 1 to {USER_ID_MAX_BYTES} bytes without control characters")]
    NotUserId,
}

macro_rules! sixteen_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes the 16 bytes as they are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes, in the order of the text form.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From a slice of exactly 16 bytes.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError::NotUuid)
            }
        }
    };
}

sixteen_bytes!(
    /// One push, from intake to the last receipt. Time-ordered (UUIDv7), or derived from (app, Idempotency-Key).
    MessageId
);
sixteen_bytes!(
    /// One installation of one app on one device.
    DeviceId
);
sixteen_bytes!(
    /// One batch of receipts; counting a batch twice counts it once.
    BatchId
);
sixteen_bytes!(
    /// One uploaded list of devices or users.
    AudienceId
);
sixteen_bytes!(
    /// One page of a message's audience: derived from (message, segment, page start), so that a repeat names the same.
    ShardId
);

impl MessageId {
    /// Eight bytes that stand for the id in a mailbox's memory: the low half, which is random or a hash in both forms.
    #[must_use]
    pub fn short_hash(&self) -> u64 {
        let bytes = self.as_bytes();
        let mut low = [0_u8; 8];
        low.copy_from_slice(&bytes[8..]);
        u64::from_be_bytes(low)
    }
}

/// An app, the tenant of everything else. Chosen by the operator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Arc<str>);

impl AppId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = (1..=APP_ID_MAX_BYTES).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits && plain && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Self(text.into()))
        } else {
            Err(IdError::NotAppId)
        }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person as the business names them; one user may have several devices.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Eight bytes that stand for the user in a mailbox.
    #[must_use]
    pub fn hash(&self) -> UserHash {
        UserHash(fnv1a(self.0.as_bytes()))
    }
}

impl FromStr for UserId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if (1..=USER_ID_MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(IdError::NotUserId)
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Eight bytes that stand for a user in a mailbox. Only ever compared with others of the same device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserHash(pub u64);

/// FNV-1a, 64 bit: stored in items, so it must never change (which the standard library's hasher does not promise).
#[must_use]
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_ids_are_slugs() {
        assert!("demo-1".parse::<AppId>().is_ok());
        for bad in ["", "-a", "a-", "Demo", "a_b", "a b", &"a".repeat(33)] {
            assert_eq!(bad.parse::<AppId>(), Err(IdError::NotAppId), "{bad:?}");
        }
    }

    #[test]
    fn user_ids_take_any_script_but_no_control_characters() {
        assert!("用户-7 👋".parse::<UserId>().is_ok());
        assert_eq!("a\nb".parse::<UserId>(), Err(IdError::NotUserId));
    }

    #[test]
    fn the_user_hash_is_the_published_fnv1a() {
        assert_eq!("a".parse::<UserId>().unwrap().hash(), UserHash(0xaf63_dc4c_8601_ec8c));
    }
}
