//! The message of the two vendors whose interface for Android is one family: Huawei's, and Honor's that came of it.

use homing_domain::Millis;
use serde_json::{Map, Value, json};

use crate::app_data::{app_data, replaced_by};
use crate::content::{Category, Click, Content};
use crate::exchange::EncodeError;
use crate::merge::merge;

/// Longest body in bytes, tokens not counted (code 80300008 of both).
const BODY_MAX_BYTES: usize = 4_096;
/// Longest time that they keep a message: 15 days.
const TIME_TO_LIVE_MAX_SECONDS: u64 = 15 * 24 * 3_600;
/// Largest number that they show at an app's icon.
const BADGE_MAX: u32 = 99;

/// How one of them writes what both have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Its name, for people.
    pub(crate) vendor: &'static str,
    /// Our id, as it comes back in receipts.
    pub(crate) our_id: &'static str,
    /// What happens when it is opened.
    pub(crate) click: &'static str,
    /// The number at the app's icon, within `badge`.
    pub(crate) badge_number: &'static str,
    /// Adds a sound to a notification, where the vendor has sounds.
    pub(crate) sound: fn(&mut Map<String, Value>, &str),
}

/// The message without whom it is for, with what the business wrote over it.
pub(crate) fn message(content: &Content, dialect: &Dialect) -> Result<Map<String, Value>, EncodeError> {
    let mut android = Map::new();
    android.insert("ttl".to_owned(), format!("{}s", seconds(content.time_to_live)).into());
    android.insert(dialect.our_id.to_owned(), content.message_id.as_str().into());
    if !content.silent {
        android.insert("notification".to_owned(), Value::Object(notification(content, dialect)));
    }
    let mut message = Map::new();
    message.insert("data".to_owned(), Value::Object(app_data(content)).to_string().into());
    message.insert("android".to_owned(), android.into());
    merge(&mut message, &content.overrides);
    check(&message, dialect.vendor, shown(&message).as_ref())?;
    Ok(message)
}

fn notification(content: &Content, dialect: &Dialect) -> Map<String, Value> {
    let mut notification = Map::new();
    let mut put = |name: &str, value: Value| notification.insert(name.to_owned(), value);
    for (name, text) in [("title", &content.title), ("body", &content.body), ("image", &content.image)] {
        if let Some(text) = text {
            put(name, text.as_str().into());
        }
    }
    put(
        dialect.click,
        match &content.click {
            Click::OpenApp => json!({"type": 3}),
            Click::Url(url) => json!({"type": 2, "url": url}),
            Click::Intent(intent) => json!({"type": 1, "intent": intent}),
        },
    );
    // LOW is where both put what a business wants, without sound; NORMAL what the person expects.
    put("importance", if content.category == Category::Marketing { "LOW" } else { "NORMAL" }.into());
    put("tag", replaced_by(content).into());
    if let Some(number) = badge(content) {
        put("badge", json!({ dialect.badge_number: number }));
    }
    if let Some(sound) = &content.sound {
        (dialect.sound)(&mut notification, sound);
    }
    notification
}

/// What Android shows: a text that stands for all platforms holds for it too.
fn shown(message: &Map<String, Value>) -> Option<Value> {
    let shown = message.get("android")?.get("notification")?.clone();
    let common = message.get("notification").and_then(Value::as_object).cloned();
    Some(match (common, shown) {
        (Some(mut common), Value::Object(shown)) => {
            merge(&mut common, &shown);
            Value::Object(common)
        }
        (_, shown) => shown,
    })
}

/// Whole seconds, at least one: what "0" means is not documented, and the usual is a day.
pub(crate) fn seconds(time_to_live: Millis) -> u64 {
    time_to_live.div_ceil(1_000).clamp(1, TIME_TO_LIVE_MAX_SECONDS)
}

/// A badge's number, no larger than what is shown.
pub(crate) fn badge(content: &Content) -> Option<u32> {
    content.badge.map(|number| number.min(BADGE_MAX))
}

/// Refuses what they would refuse: what is too large, and a notification without a text.
pub(crate) fn check(
    message: &Map<String, Value>,
    vendor: &str,
    notification: Option<&Value>,
) -> Result<(), EncodeError> {
    let bytes = Value::Object(message.clone()).to_string().len();
    if bytes > BODY_MAX_BYTES {
        let why =
            format!("80300008: {vendor} takes at most {BODY_MAX_BYTES} bytes without the tokens, this has {bytes}");
        return Err(EncodeError::Refused(why));
    }
    let is_empty = |value: &Value, name| value.get(name).and_then(Value::as_str).is_none_or(str::is_empty);
    match notification {
        Some(notification) if is_empty(notification, "title") || is_empty(notification, "body") => {
            Err(EncodeError::Refused(format!("{vendor} shows no notification without a title and a body")))
        }
        _ => Ok(()),
    }
}
