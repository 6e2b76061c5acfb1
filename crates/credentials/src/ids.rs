//! Ids that are derived, so that a repeat names the same thing.

use aws_lc_rs::digest::{self, SHA256};
use homing_domain::{AppId, MemberKey, MessageId, UnixMillis, UserId};

use crate::fields::{array, hash};

/// Sixteen bytes in the form of a UUIDv8 (RFC 9562, section 5.8): the SHA-256 of a label and fields, each preceded by its
/// length, so that other fields give another id. For shard ids, batch ids and whatever else must be found again.
#[must_use]
pub fn derive_id(label: &str, fields: &[&[u8]]) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&hash(label, fields)[..16]);
    id[6] = 0x80 | (id[6] & 0x0f);
    id[8] = 0x80 | (id[8] & 0x3f);
    id
}

/// The id of the message that an app sends under an Idempotency-Key.
#[must_use]
pub fn message_id(app: &AppId, idempotency_key: &str) -> MessageId {
    MessageId::from_bytes(derive_id("homing/1 message", &[app.as_str().as_bytes(), idempotency_key.as_bytes()]))
}

/// The key under which a user stands on an uploaded list. A device stands under its own id: [`MemberKey::of_device`].
#[must_use]
pub fn member_key(user: &UserId) -> MemberKey {
    MemberKey(derive_id("homing/1 member", &[user.as_str().as_bytes()]))
}

/// The id of a recurring message's occurrence.
#[must_use]
pub fn occurrence_id(series: &MessageId, at: UnixMillis) -> MessageId {
    MessageId::from_bytes(derive_id("homing/1 occurrence", &[series.as_bytes(), &at.0.to_be_bytes()]))
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    array(digest::digest(&SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        let id = message_id(&"demo".parse().unwrap(), "order-7");
        assert_eq!(id.to_string(), "989d03fe-21d6-8808-8cb6-41401917bb24");
    }

    #[test]
    fn users_stand_on_lists_under_keys_that_never_change() {
        let user: UserId = "user-1".parse().unwrap();
        let known = 323_187_224_634_006_626_964_316_178_320_017_083_686_u128;
        assert_eq!(member_key(&user), MemberKey(known.to_be_bytes()));
    }

    #[test]
    fn occurrences_are_named_by_their_series_and_time() {
        let id = |series, at| occurrence_id(&MessageId::from_bytes([series; 16]), UnixMillis(at));
        assert_eq!(id(1, 1_700_000_000_000).to_string(), "cf35d59b-d2bd-8413-89c5-a199d97778a6");
        assert_ne!(id(1, 1), id(1, 2));
        assert_ne!(id(1, 1), id(2, 1));
    }

    #[test]
    fn app_and_key_do_not_run_together() {
        let one = message_id(&"demo".parse().unwrap(), "1x");
        assert_ne!(one, message_id(&"demo1".parse().unwrap(), "x"));
    }
}
