//! A message becomes requests.

use aws_lc_rs::digest;
use homing_domain::Priority;
use http::HeaderValue;
use serde_json::{Map, Value, json};

use super::SITE;
use super::conversation::{Awaiting, Conversation, post};
use crate::addressing::distinct;
use crate::app_data::app_data;
use crate::json_answer;
use crate::merge::merge;
use crate::{Access, Category, Click, Content, EncodeError, Push, Recipients, Surroundings};

/// Registration ids in a list. One alone is not a list: it goes by itself.
pub(super) const TOKENS_MAX: usize = 1_000;
/// `timeToLive` at least and at most, in seconds. A message that is for now or never is kept for the least.
const TTL_SECONDS: (u64, u64) = (60, 604_800);
/// Columns of `title`: 40 Latin letters or 20 Chinese.
const TITLE_MAX: usize = 40;
/// Columns of `content`: 100 Latin letters or 50 Chinese.
const BODY_MAX: usize = 100;
/// Characters of `skipContent`, by the larger of two figures in the vendor's documents.
const SKIP_CONTENT_MAX: usize = 1_024;
/// Pairs of `clientCustomMap`.
const PAIRS_MAX: usize = 10;
/// Characters of `clientCustomMap` altogether.
const MAP_MAX: usize = 1_024;
/// Characters of `extra.callback`. A longer one is left out: better no receipts than no message.
const CALLBACK_URL_MAX: usize = 128;

/// Begins to bring a message.
pub(super) fn push(access: &Access, around: &Surroundings<'_>, push: &Push) -> Result<Conversation, EncodeError> {
    let Recipients::Tokens(tokens) = &push.to else {
        return Err(EncodeError::Unsupported("recipients but registration ids"));
    };
    let tokens: Vec<String> = tokens.iter().map(|token| token.text.clone()).collect();
    let mut message = message(&push.content, around.callback_url)?;
    let mut auth_token = HeaderValue::from_str(&access.token)
        .map_err(|_| EncodeError::Misused("the vendor's token cannot be a header"))?;
    auth_token.set_sensitive(true);
    let path = |path| json_answer::uri(around.origins.base_url(SITE), path);
    let request_id = request_id(&push.request_id, &tokens);
    match distinct(&tokens)[..] {
        [] => Err(EncodeError::Misused("nobody is named")),
        [token] => {
            message.insert("regId".into(), token.into());
            message.insert("requestId".into(), request_id.into());
            let request = post(path("/message/send")?, auth_token, Value::Object(message).to_string());
            Ok(Conversation { request, awaiting: Awaiting::Single(tokens) })
        }
        _ if tokens.len() > TOKENS_MAX => Err(EncodeError::Misused("a list has at most 1,000 registration ids")),
        _ => {
            // What is saved twice reaches nobody twice, so each try saves anew; who gets it is what is named.
            let saved = around.random.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
            message.insert("requestId".into(), saved.into());
            let body = Value::Object(message).to_string();
            let request = post(path("/message/saveListPayload")?, auth_token.clone(), body);
            let uri = path("/message/pushToList")?;
            Ok(Conversation { request, awaiting: Awaiting::Saved { uri, auth_token, request_id, tokens } })
        }
    }
}

/// Names a request with just these devices: of a repeat for fewer the vendor must not think that it had it.
fn request_id(attempt: &str, tokens: &[String]) -> String {
    let mut sorted: Vec<_> = tokens.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let mut hash = digest::Context::new(&digest::SHA256);
    for token in sorted {
        hash.update(token.as_bytes());
        hash.update(b"\n");
    }
    let of_tokens: String = hash.finish().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{attempt}-{of_tokens}")
}

fn message(content: &Content, callback_url: Option<&str>) -> Result<Map<String, Value>, EncodeError> {
    if content.silent {
        return Err(EncodeError::Unsupported("silent messages"));
    }
    if content.live_activity.is_some() {
        return Err(EncodeError::Unsupported("live activities"));
    }
    // 1 = nothing, 2 = sound, 4 = sound and vibration.
    let notify_type = match content.priority {
        Priority::Low => 1,
        Priority::Normal => 2,
        Priority::High => 4,
    };
    let (least, most) = TTL_SECONDS;
    let mut extra = json!({"callback.param": content.message_id});
    if let Some(url) = callback_url.filter(|url| url.chars().count() <= CALLBACK_URL_MAX) {
        extra["callback"] = url.into();
    }
    let mut message = json!({
        "title": content.title.as_deref().unwrap_or_default(),
        "content": content.body.as_deref().unwrap_or_default(),
        "notifyType": notify_type,
        "timeToLive": content.time_to_live.div_ceil(1_000).clamp(least, most),
        "skipType": 1,
        "networkType": -1,
        "classification": i32::from(content.category == Category::Service),
        "clientCustomMap": custom_map(content),
        "extra": extra,
        "pushMode": 0,
    });
    let skip = match &content.click {
        Click::OpenApp => None,
        Click::Url(url) => Some((2, url)),
        Click::Intent(intent) => Some((4, intent)),
    };
    if let Some((skip_type, target)) = skip {
        message["skipType"] = skip_type.into();
        message["skipContent"] = target.as_str().into();
    }
    let Value::Object(mut message) = message else {
        return Err(EncodeError::Misused("a message is an object"));
    };
    merge(&mut message, &content.overrides);
    // For whom it is, is not the business's to write here.
    message.retain(|name, _| !matches!(name.as_str(), "regId" | "regIds" | "alias" | "aliases"));
    check(&message)?;
    Ok(message)
}

/// The app's data as texts: the vendor takes nothing else. Our id stands among them if there is room.
fn custom_map(content: &Content) -> Map<String, Value> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let data = if content.data.len() < PAIRS_MAX { app_data(content) } else { content.data.clone() };
    data.into_iter().map(|(name, value)| (name, text(&value).into())).collect()
}

/// How wide a text is: what is not ASCII counts twice.
fn columns(text: &str) -> usize {
    text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
}

/// What the vendor refuses: 10050 to 10067, 10304 to 10306.
fn check(message: &Map<String, Value>) -> Result<(), EncodeError> {
    let refuse = |why: String| Err(EncodeError::Refused(why));
    let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
    for (name, most) in [("title", TITLE_MAX), ("content", BODY_MAX)] {
        match columns(text(name)) {
            0 => return refuse(format!("{name} is required")),
            columns if columns > most => return refuse(format!("{name} is wider than {most} columns")),
            _ => {}
        }
    }
    if text("skipContent").chars().count() > SKIP_CONTENT_MAX {
        return refuse(format!("skipContent has more than {SKIP_CONTENT_MAX} characters"));
    }
    if let Some(map) = message.get("clientCustomMap").and_then(Value::as_object) {
        let size: usize = map
            .iter()
            .map(|(name, value)| name.chars().count() + value.as_str().map_or(0, |text| text.chars().count()))
            .sum();
        if map.len() > PAIRS_MAX || size > MAP_MAX {
            return refuse(format!("clientCustomMap has more than {PAIRS_MAX} pairs or {MAP_MAX} characters"));
        }
    }
    Ok(())
}
