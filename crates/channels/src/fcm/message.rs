//! The `message` object of the HTTP v1 API.

use homing_domain::{Millis, Priority, UnixMillis};
use serde_json::{Map, Value, json};

use crate::app_data::{MESSAGE_ID, replaced_by};
use crate::merge::merge;
use crate::{Click, Content, EncodeError};

/// A message for a device, in bytes ("About FCM messages": 4,096).
pub(super) const MESSAGE_MAX_BYTES: usize = 4_096;
/// A message for a topic, in bytes ("About FCM messages": 2,048).
pub(super) const TOPIC_MESSAGE_MAX_BYTES: usize = 2_048;
/// The longest `android.ttl`: four weeks.
const TIME_TO_LIVE_MAX: Millis = 28 * 24 * 3_600_000;
/// Longest `apns-collapse-id`.
const COLLAPSE_ID_MAX_BYTES: usize = 64;

/// What to open, for our SDK.
const ADDRESS_KEY: &str = "homing_url";
/// Whom a message is for is not the business's to say here.
const TARGET_KEYS: [&str; 4] = ["token", "topic", "condition", "fid"];
/// Keys of `data` that FCM keeps for itself.
const RESERVED_KEYS: [&str; 2] = ["from", "message_type"];
const RESERVED_PREFIXES: [&str; 2] = ["google", "gcm"];

/// Builds it, without its target: the business's own words for this channel win.
pub(super) fn message(content: &Content, now: UnixMillis, max_bytes: usize) -> Result<Map<String, Value>, EncodeError> {
    if let Some(key) = TARGET_KEYS.iter().find(|key| content.overrides.contains_key(**key)) {
        return Err(EncodeError::Refused(format!("{key} cannot be set: the audience says whom it is for")));
    }
    let mut message = Map::new();
    if let Some(notification) = notification(content) {
        message.insert("notification".into(), notification);
    }
    let mut data = content.data.clone();
    if let Click::Url(address) | Click::Intent(address) = &content.click {
        data.insert(ADDRESS_KEY.into(), address.as_str().into());
    }
    message.insert("data".into(), Value::Object(data));
    message.insert("android".into(), android(content));
    // A message that is silent else may show what the business wrote for this channel.
    let in_background = content.silent && !content.overrides.contains_key("notification");
    message.insert("apns".into(), apns(content, now, in_background));
    message.insert("webpush".into(), webpush(content));
    merge(&mut message, &content.overrides);
    let Some(Value::Object(data)) = message.get_mut("data") else {
        return Err(EncodeError::Refused("data must be an object".into()));
    };
    finish_data(data, content)?;
    check_size(&message, max_bytes)?;
    Ok(message)
}

/// What FCM refuses here, it refuses with the same error as a malformed token, and tokens are forgotten on that: so nothing of
/// the kind is sent.
fn finish_data(data: &mut Map<String, Value>, content: &Content) -> Result<(), EncodeError> {
    data.insert(MESSAGE_ID.into(), content.message_id.as_str().into());
    for (key, value) in data {
        let reserved = RESERVED_KEYS.contains(&key.as_str())
            || RESERVED_PREFIXES.iter().any(|prefix| key.to_ascii_lowercase().starts_with(prefix));
        if reserved {
            return Err(EncodeError::Refused(format!("FCM keeps the key {key} of data for itself")));
        }
        if !value.is_string() {
            *value = value.to_string().into();
        }
    }
    Ok(())
}

/// Counted is what reaches the device: texts with their keys.
fn check_size(message: &Map<String, Value>, max_bytes: usize) -> Result<(), EncodeError> {
    let fields = ["notification", "data"].into_iter().filter_map(|key| message.get(key)?.as_object()).flatten();
    let length = |value: &Value| value.as_str().map_or_else(|| value.to_string().len(), str::len);
    let bytes: usize = fields.map(|(key, value)| key.len() + length(value)).sum();
    if bytes <= max_bytes {
        return Ok(());
    }
    Err(EncodeError::Refused(format!("the message has {bytes} bytes, FCM takes {max_bytes}")))
}

fn notification(content: &Content) -> Option<Value> {
    if content.silent {
        return None;
    }
    let texts = [("title", &content.title), ("body", &content.body), ("image", &content.image)];
    let texts: Map<_, _> =
        texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.as_deref()?.into()))).collect();
    (!texts.is_empty()).then_some(Value::Object(texts))
}

fn android(content: &Content) -> Value {
    let priority = if content.priority == Priority::High { "HIGH" } else { "NORMAL" };
    let ttl = content.time_to_live.min(TIME_TO_LIVE_MAX).div_ceil(1_000);
    let mut android = json!({"priority": priority, "ttl": format!("{ttl}s")});
    if let Some(key) = &content.collapse_key {
        android["collapse_key"] = key.as_str().into();
    }
    if !content.silent {
        // What shows a message replaces at least its own repeat. The collapse key would not do: FCM keeps four for a device.
        android["notification"]["tag"] = replaced_by(content).into();
        if let Some(sound) = &content.sound {
            android["notification"]["sound"] = sound.as_str().into();
        }
        if let Some(badge) = content.badge {
            android["notification"]["notification_count"] = badge.into();
        }
    }
    android
}

/// For tokens of Apple devices: FCM does not carry `android`'s time to live and collapse key over.
fn apns(content: &Content, now: UnixMillis, in_background: bool) -> Value {
    let expires_at = match content.time_to_live {
        0 => 0,
        time_to_live => now.plus(time_to_live).0.div_ceil(1_000),
    };
    let mut apns = json!({"headers": {"apns-expiration": expires_at.to_string()}});
    if let Some(key) = content.collapse_key.as_ref().filter(|key| key.len() <= COLLAPSE_ID_MAX_BYTES) {
        apns["headers"]["apns-collapse-id"] = key.as_str().into();
    }
    if in_background {
        apns["headers"]["apns-push-type"] = "background".into();
        apns["headers"]["apns-priority"] = "5".into();
        apns["payload"]["aps"]["content-available"] = 1.into();
        return apns;
    }
    if let Some(sound) = &content.sound {
        apns["payload"]["aps"]["sound"] = sound.as_str().into();
    }
    if let Some(badge) = content.badge {
        apns["payload"]["aps"]["badge"] = badge.into();
    }
    apns
}

/// For tokens of browsers.
fn webpush(content: &Content) -> Value {
    let urgency = match content.priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    };
    json!({"headers": {"TTL": content.time_to_live.div_ceil(1_000).to_string(), "Urgency": urgency}})
}
