//! What the app on the device gets with a message, and what a later message replaces it by.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::content::Content;

/// Under which name our id stands among the app's data: an app that has the message by its own link too knows it by that.
pub(crate) const MESSAGE_ID: &str = "homing_id";

/// The app's data, and our id.
pub(crate) fn app_data(content: &Content) -> Map<String, Value> {
    let mut data = content.data.clone();
    data.insert(MESSAGE_ID.to_owned(), content.message_id.as_str().into());
    data
}

/// What a later message with the same text replaces. A message that replaces none replaces itself: a request that had to be
/// repeated does not show twice.
pub(crate) fn replaced_by(content: &Content) -> &str {
    content.collapse_key.as_deref().unwrap_or(&content.message_id)
}

/// [`replaced_by`] where a vendor knows messages by number: 31 bits, never negative and never 0.
pub(crate) fn replaced_by_number(content: &Content) -> u32 {
    let digest = digest(&SHA256, replaced_by(content).as_bytes());
    let number = digest.as_ref().iter().take(4).fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
    (number >> 1).max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_replaces_what_has_its_key_or_itself() {
        let data = json!({"a": 1, "homing_id": "theirs"}).as_object().unwrap().clone();
        let one = Content { message_id: "m1".into(), data, ..Content::default() };
        let other = Content { message_id: "m2".into(), ..Content::default() };
        let keyed = |id: &str| Content { message_id: id.into(), collapse_key: Some("k".into()), ..Content::default() };
        assert_eq!(Value::Object(app_data(&one)), json!({"a": 1, "homing_id": "m1"}));
        assert_ne!(replaced_by_number(&one), replaced_by_number(&other));
        assert_eq!(replaced_by_number(&keyed("m1")), replaced_by_number(&keyed("m2")));
        assert_eq!((replaced_by(&one), replaced_by(&keyed("m1"))), ("m1", "k"));
        // SHA-256 of "m1" starts with ca0df2c9: the same number after every release.
        assert_eq!(replaced_by_number(&one), 0xca0d_f2c9 >> 1);
    }
}
