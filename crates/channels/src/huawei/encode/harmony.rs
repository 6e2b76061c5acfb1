//! The message of `/v3` (push-scenariozed-api-request-struct).

use serde_json::{Map, Value, json};

use super::VENDOR;
use crate::android::{badge, check, seconds};
use crate::app_data::{app_data, replaced_by_number};
use crate::merge::merge;
use crate::{Click, Content, EncodeError};

/// A notification.
const PUSH_TYPE_ALERT: u16 = 0;
/// Data for the app alone.
const PUSH_TYPE_BACKGROUND: u16 = 6;
/// In-app calls: the highest kind.
const PUSH_TYPE_MAX: u64 = 10;
/// Every notification has a category, and all but this one need a right of the app's: who has one writes it.
const CATEGORY: &str = "MARKETING";
/// The header's name: in what a business writes for this channel it names another kind of push.
const PUSH_TYPE: &str = "push-type";

/// The body without whom it is for, and the kind of push.
pub(super) fn message(content: &Content) -> Result<(Map<String, Value>, u16), EncodeError> {
    let (payload, mut push_type) = if content.silent {
        // What background messages carry is a text.
        (json!({"extraData": Value::Object(app_data(content)).to_string()}), PUSH_TYPE_BACKGROUND)
    } else {
        (json!({"notification": notification(content)}), PUSH_TYPE_ALERT)
    };
    let mut message = Map::new();
    message.insert("payload".to_owned(), payload);
    let options = json!({"ttl": seconds(content.time_to_live), "biTag": content.message_id});
    message.insert("pushOptions".to_owned(), options);
    merge(&mut message, &content.overrides);
    if let Some(other) = message.remove(PUSH_TYPE) {
        let number = other.as_u64().or_else(|| other.as_str()?.parse().ok()).filter(|number| *number <= PUSH_TYPE_MAX);
        push_type = number
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| EncodeError::Refused(format!("{PUSH_TYPE} must be 0 to {PUSH_TYPE_MAX}")))?;
    }
    message.remove("target");
    let shown = message.get("payload").and_then(|payload| payload.get("notification"));
    check(&message, VENDOR, shown.filter(|_| push_type == PUSH_TYPE_ALERT))?;
    Ok((message, push_type))
}

fn notification(content: &Content) -> Map<String, Value> {
    let mut notification = Map::new();
    let mut put = |name: &str, value: Value| notification.insert(name.to_owned(), value);
    put("category", CATEGORY.into());
    for (name, text) in [("title", &content.title), ("body", &content.body), ("image", &content.image)] {
        if let Some(text) = text {
            put(name, text.as_str().into());
        }
    }
    let data = Value::Object(app_data(content));
    put(
        "clickAction",
        match &content.click {
            Click::OpenApp => json!({"actionType": 0, "data": data}),
            // A page of the app that takes this address.
            Click::Url(address) | Click::Intent(address) => json!({"actionType": 1, "uri": address, "data": data}),
        },
    );
    put("notifyId", replaced_by_number(content).into());
    if let Some(number) = badge(content) {
        put("badge", json!({"setNum": number}));
    }
    notification
}
