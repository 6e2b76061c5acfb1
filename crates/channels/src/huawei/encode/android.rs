//! The message of `/v1` and `/v2`.

use serde_json::{Map, Value, json};

use super::{badge, check, seconds};
use crate::app_data::{app_data, replaced_by};
use crate::merge::merge;
use crate::{Category, Click, Content, EncodeError};

/// `message`, without whom it is for.
///
/// `android.category` and `android.urgency` are left to what the business writes: both need a right of the app's, and a
/// message without the right is refused.
pub(super) fn message(content: &Content) -> Result<Map<String, Value>, EncodeError> {
    let mut android = Map::new();
    android.insert("ttl".to_owned(), format!("{}s", seconds(content.time_to_live)).into());
    android.insert("bi_tag".to_owned(), content.message_id.as_str().into());
    if !content.silent {
        android.insert("notification".to_owned(), Value::Object(notification(content)));
    }
    let mut message = Map::new();
    message.insert("data".to_owned(), Value::Object(app_data(content)).to_string().into());
    message.insert("android".to_owned(), android.into());
    merge(&mut message, &content.overrides);
    let shown = message.get("android").and_then(|android| android.get("notification")).cloned();
    let common = message.get("notification").and_then(Value::as_object).cloned();
    // A title that stands for all platforms holds for Android too.
    let shown = shown.map(|shown| match (common, shown) {
        (Some(mut common), Value::Object(shown)) => {
            merge(&mut common, &shown);
            Value::Object(common)
        }
        (_, shown) => shown,
    });
    check(&message, shown.as_ref())?;
    Ok(message)
}

fn notification(content: &Content) -> Map<String, Value> {
    let mut notification = Map::new();
    let mut put = |name: &str, value: Value| notification.insert(name.to_owned(), value);
    for (name, text) in [("title", &content.title), ("body", &content.body), ("image", &content.image)] {
        if let Some(text) = text {
            put(name, text.as_str().into());
        }
    }
    put(
        "click_action",
        match &content.click {
            Click::OpenApp => json!({"type": 3}),
            Click::Url(url) => json!({"type": 2, "url": url}),
            Click::Intent(intent) => json!({"type": 1, "intent": intent}),
        },
    );
    // LOW is where Huawei puts what a business wants, without sound.
    put("importance", if content.category == Category::Marketing { "LOW" } else { "NORMAL" }.into());
    put("tag", replaced_by(content).into());
    if let Some(number) = badge(content) {
        put("badge", json!({"set_num": number}));
    }
    match content.sound.as_deref() {
        None => {}
        Some("default") => drop(put("default_sound", true.into())),
        Some(sound) => {
            let sound = if sound.starts_with('/') { sound.to_owned() } else { format!("/raw/{sound}") };
            put("default_sound", false.into());
            put("sound", sound.into());
        }
    }
    notification
}
