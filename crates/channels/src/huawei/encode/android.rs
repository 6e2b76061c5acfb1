//! The message of `/v1` and `/v2`.

use serde_json::{Map, Value};

use crate::android::{self, Dialect};
use crate::{Content, EncodeError};

const DIALECT: Dialect =
    Dialect { vendor: super::VENDOR, our_id: "bi_tag", click: "click_action", badge_number: "set_num", sound };

/// `message`, without whom it is for.
///
/// `android.category` and `android.urgency` are left to what the business writes: both need a right of the app's, and a
/// message without the right is refused.
pub(super) fn message(content: &Content) -> Result<Map<String, Value>, EncodeError> {
    android::message(content, &DIALECT)
}

/// A name is that of a file in the app's `raw` folder.
fn sound(notification: &mut Map<String, Value>, sound: &str) {
    let is_default = sound == "default";
    notification.insert("default_sound".to_owned(), is_default.into());
    if !is_default {
        let sound = if sound.starts_with('/') { sound.to_owned() } else { format!("/raw/{sound}") };
        notification.insert("sound".to_owned(), sound.into());
    }
}
