//! The JSON that an app on a device gets.

use homing_domain::Priority;
use serde_json::{Map, Value, json};

use crate::apns::push_type::{ALERT, BACKGROUND, LIVE_ACTIVITY, PUSH_TYPE, PushType, check_live_activity, written};
use crate::app_data::{MESSAGE_ID, app_data};
use crate::merge::merge;
use crate::{Click, Content, EncodeError, LiveActivity};

/// The payload of a notification, in bytes (Apple: "Generating a remote notification", 4 KB).
pub(super) const PAYLOAD_MAX_BYTES: usize = 4_096;
/// The payload of a broadcast, in bytes (Apple: "Sending broadcast push notification requests to APNs", 5 KB).
pub(super) const BROADCAST_MAX_BYTES: usize = 5_120;

/// What to open, for our SDK.
const ADDRESS_KEY: &str = "homing_url";
/// The picture, for a notification service extension.
const IMAGE_KEY: &str = "homing_image";
/// Apple's own key.
const APS: &str = "aps";
/// Keys of `aps` that a person notices: with one of them it is no background notification.
const NOTICED: [&str; 3] = ["alert", "badge", "sound"];

/// The payload, built.
pub(super) struct Payload {
    pub(super) json: Vec<u8>,
    /// By what stands in it: what the business wrote for this channel may show something of a message that is silent else.
    pub(super) push_type: PushType,
}

/// Builds it: the app's data beside `aps`, and the business's own words for this channel over both.
pub(super) fn payload(content: &Content, max_bytes: usize) -> Result<Payload, EncodeError> {
    if content.overrides.contains_key("headers") {
        return Err(EncodeError::Refused("headers cannot be set: they follow from the message's options".into()));
    }
    let written = written(content)?;
    let mut payload = app_data(content);
    let aps = match &content.live_activity {
        Some(activity) => live_activity(activity, content),
        // All of it but the alert is what the business writes.
        None if written == Some(LIVE_ACTIVITY) => Value::Object(alert(content).map(of_alert).into_iter().collect()),
        None if content.silent => json!({"content-available": 1}),
        None => notification(content),
    };
    payload.insert(APS.to_owned(), aps);
    match &content.click {
        Click::OpenApp => {}
        Click::Url(address) | Click::Intent(address) => {
            payload.insert(ADDRESS_KEY.to_owned(), address.as_str().into());
        }
    }
    if let Some(image) = content.image.as_ref().filter(|_| !content.silent) {
        payload.insert(IMAGE_KEY.to_owned(), image.as_str().into());
    }
    merge(&mut payload, &content.overrides);
    if written.is_some() {
        payload.remove(PUSH_TYPE);
        payload.extend(content.data.get_key_value(PUSH_TYPE).map(|(key, value)| (key.clone(), value.clone())));
    }
    payload.insert(MESSAGE_ID.to_owned(), content.message_id.as_str().into());
    check(payload, written, content, max_bytes)
}

fn check(
    payload: Map<String, Value>,
    written: Option<PushType>,
    content: &Content,
    max_bytes: usize,
) -> Result<Payload, EncodeError> {
    let Some(aps) = payload.get(APS).and_then(Value::as_object).filter(|aps| !aps.is_empty()) else {
        return Err(EncodeError::Refused("there is nothing to show: no title and no body".into()));
    };
    let is_noticed = || NOTICED.iter().any(|key| aps.contains_key(*key));
    let push_type = match written {
        Some(written) => written,
        None if content.live_activity.is_some() => LIVE_ACTIVITY,
        None if content.silent && !is_noticed() => BACKGROUND,
        None => ALERT,
    };
    if push_type == LIVE_ACTIVITY {
        check_live_activity(aps)?;
    }
    let json = Value::Object(payload).to_string().into_bytes();
    if json.len() > max_bytes {
        return Err(EncodeError::Refused(format!("the payload has {} bytes, APNs takes {max_bytes}", json.len())));
    }
    Ok(Payload { json, push_type })
}

fn notification(content: &Content) -> Value {
    let mut aps = Map::new();
    aps.extend(alert(content).map(of_alert));
    if let Some(badge) = content.badge {
        aps.insert("badge".into(), badge.into());
    }
    if let Some(sound) = &content.sound {
        aps.insert("sound".into(), sound.as_str().into());
    }
    if content.image.is_some() {
        aps.insert("mutable-content".into(), 1.into());
    }
    Value::Object(aps)
}

fn alert(content: &Content) -> Option<Value> {
    let texts = [("title", &content.title), ("subtitle", &content.subtitle), ("body", &content.body)];
    let alert: Map<_, _> =
        texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.as_deref()?.into()))).collect();
    (!alert.is_empty()).then_some(Value::Object(alert))
}

fn of_alert(alert: Value) -> (String, Value) {
    ("alert".to_owned(), alert)
}

fn live_activity(activity: &LiveActivity, content: &Content) -> Value {
    let mut aps = Map::from_iter([
        ("timestamp".to_owned(), activity.timestamp.into()),
        ("event".to_owned(), activity.event.as_str().into()),
        ("content-state".to_owned(), activity.content_state.clone()),
    ]);
    let dates = [("stale-date", activity.stale_date), ("dismissal-date", activity.dismissal_date)];
    aps.extend(dates.into_iter().filter_map(|(key, date)| Some((key.to_owned(), date?.into()))));
    aps.extend(alert(content).map(of_alert));
    Value::Object(aps)
}

/// `apns-priority`: 10 at once, 5 when it suits the device. What shows nothing must not say 10.
pub(super) const fn priority(priority: Priority, in_background: bool) -> &'static str {
    match priority {
        Priority::Normal | Priority::High if !in_background => "10",
        Priority::Low | Priority::Normal | Priority::High => "5",
    }
}
