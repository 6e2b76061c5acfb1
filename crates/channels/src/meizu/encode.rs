//! A message becomes requests.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use homing_domain::Priority;
use serde_json::{Map, Value, json};

use super::conversation::{Awaiting, Conversation};
use super::decode::{TargetKind, Targets};
use super::{Credential, SITE, sign};
use crate::app_data::{app_data, replaced_by};
use crate::json_answer;
use crate::merge::merge;
use crate::{Click, Content, EncodeError, Push, Recipients, Surroundings};

/// Ids or aliases in one request.
pub(super) const TARGETS_MAX: usize = 100;
/// `validTime` at least and at most, in hours.
const VALID_HOURS: (u64, u64) = (1, 72);
/// One hour, in milliseconds.
const HOUR: u64 = 60 * 60 * 1_000;
/// Characters of `title`.
const TITLE_MAX: usize = 32;
/// Characters of `content`.
const BODY_MAX: usize = 100;
/// Characters of `notifyKey`.
const NOTIFY_KEY_MAX: usize = 8;
/// Bytes of `extra.callback`. A longer one is left out: better no receipts than no message.
const CALLBACK_URL_MAX_BYTES: usize = 128;
/// `extra.callback.type`: 1 = delivered, 2 = opened, 3 = both.
const ALL_RECEIPTS: &str = "3";

/// Begins to bring a message.
pub(super) fn push(
    credential: &Credential,
    around: &Surroundings<'_>,
    push: &Push,
) -> Result<Conversation, EncodeError> {
    let content = &push.content;
    let (kind, names) = match &push.to {
        Recipients::Tokens(tokens) => (TargetKind::PushId, tokens.iter().map(|token| token.text.clone()).collect()),
        Recipients::Aliases(aliases) => (TargetKind::Alias, aliases.clone()),
        _ => return Err(EncodeError::Unsupported("recipients but ids and aliases")),
    };
    let targets = Targets { kind, names };
    if targets.names.is_empty() || targets.names.len() > TARGETS_MAX {
        return Err(EncodeError::Misused("a request has 1 to 100 targets"));
    }
    let listed = targets.listed();
    if listed.is_empty() {
        return Err(EncodeError::Refused("no target can be one: an id has no comma".into()));
    }
    let message = if content.silent { pass_through(content) } else { notification(content, around.callback_url) }?;
    let message = Value::Object(message).to_string();
    let path = |path: &str| json_answer::uri(around.origins.base_url(SITE), &format!("/garcia/api/server/push{path}"));
    let mut fields = BTreeMap::from([("appId", &*credential.app_id), ("messageJson", &*message)]);
    if push.same_content && !content.silent && kind == TargetKind::PushId && targets.names.len() > 1 {
        // Type 0 = a notification. No receipts come for tasks.
        fields.insert("pushType", "0");
        let request = sign::request(path("/pushTask/getTaskId")?, &fields, &credential.app_secret);
        let awaiting = Awaiting::Saved {
            uri: path("/task/varnished/pushByPushId")?,
            app_id: credential.app_id.clone(),
            app_secret: credential.app_secret.clone(),
            targets,
        };
        return Ok(Conversation { request, awaiting });
    }
    let (name, field) = match kind {
        TargetKind::PushId => ("pushByPushId", "pushIds"),
        TargetKind::Alias => ("pushByAlias", "alias"),
    };
    let way = if content.silent { "unvarnished" } else { "varnished" };
    fields.insert(field, &listed);
    let request = sign::request(path(&format!("/{way}/{name}"))?, &fields, &credential.app_secret);
    Ok(Conversation { request, awaiting: Awaiting::Pushed { targets, task_id: None } })
}

/// A notification.
fn notification(content: &Content, callback_url: Option<&str>) -> Result<Map<String, Value>, EncodeError> {
    if content.live_activity.is_some() {
        return Err(EncodeError::Unsupported("live activities"));
    }
    let mut click = json!({"clickType": 0, "parameters": app_data(content)});
    if let Click::Url(uri) | Click::Intent(uri) = &content.click {
        // 2 = any URI; 1 would be the name of a class.
        click["clickType"] = 2.into();
        click["url"] = uri.as_str().into();
    }
    let is_loud = content.priority != Priority::Low;
    let advance = json!({
        "clearNoticeBar": true,
        "notificationType": {"vibrate": is_loud, "lights": is_loud, "sound": is_loud},
        "notifyKey": notify_key(replaced_by(content)),
    });
    let mut message = Map::from_iter([
        (
            "noticeBarInfo".to_owned(),
            json!({
                "noticeBarType": 0,
                "title": content.title.as_deref().unwrap_or_default(),
                "content": content.body.as_deref().unwrap_or_default(),
            }),
        ),
        ("clickTypeInfo".to_owned(), click),
        ("pushTimeInfo".to_owned(), push_time(content)),
        ("advanceInfo".to_owned(), advance),
    ]);
    if let Some(url) = callback_url.filter(|url| url.len() <= CALLBACK_URL_MAX_BYTES) {
        let extra = json!({"callback": url, "callback.param": content.message_id, "callback.type": ALL_RECEIPTS});
        message.insert("extra".to_owned(), extra);
    }
    merge(&mut message, &content.overrides);
    check(&message)?;
    Ok(message)
}

/// Data for the app alone, a way that the vendor is closing. No receipts come for it.
fn pass_through(content: &Content) -> Result<Map<String, Value>, EncodeError> {
    let mut message = Map::from_iter([
        ("title".to_owned(), content.title.as_deref().unwrap_or(&content.message_id).into()),
        ("content".to_owned(), Value::Object(app_data(content)).to_string().into()),
        ("pushTimeInfo".to_owned(), push_time(content)),
    ]);
    merge(&mut message, &content.overrides);
    Ok(message)
}

fn push_time(content: &Content) -> Value {
    let (least, most) = VALID_HOURS;
    let hours = content.time_to_live.div_ceil(HOUR).clamp(least, most);
    json!({"offLine": i32::from(content.time_to_live > 0), "validTime": hours})
}

/// Notifications with the same key replace each other on the device. One that is too long is named by its digest.
fn notify_key(replaced_by: &str) -> String {
    if replaced_by.chars().count() <= NOTIFY_KEY_MAX {
        return replaced_by.to_owned();
    }
    let digest = digest::digest(&digest::SHA256, replaced_by.as_bytes());
    digest.as_ref().iter().take(NOTIFY_KEY_MAX / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// What the vendor's SDK refuses.
fn check(message: &Map<String, Value>) -> Result<(), EncodeError> {
    for (name, most) in [("title", TITLE_MAX), ("content", BODY_MAX)] {
        let text = message.get("noticeBarInfo").and_then(|bar| bar.get(name)).and_then(Value::as_str);
        match text.unwrap_or_default().chars().count() {
            0 => return Err(EncodeError::Refused(format!("{name} is required"))),
            length if length > most => {
                return Err(EncodeError::Refused(format!("{name} has more than {most} characters")));
            }
            _ => {}
        }
    }
    Ok(())
}
