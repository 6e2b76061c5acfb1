//! A message becomes a request.

use homing_domain::Millis;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};

use super::credential::{Api, Credential};
use super::{PUSH, TOKENS_MAX};
use crate::addressing::{distinct, texts};
use crate::client_credentials::bearer;
use crate::json_answer::{JSON, post, uri};
use crate::{Content, EncodeError, Operation, Push, Recipients, Request, Surroundings};

mod android;
mod harmony;

/// Longest body in bytes, tokens not counted (code 80300008).
const BODY_MAX_BYTES: usize = 4_096;
/// Longest time that Huawei keeps a message.
const TIME_TO_LIVE_MAX_SECONDS: u64 = 15 * 24 * 3_600;

/// The request, and the tokens in the order of its targets.
pub(super) fn request(
    credential: &Credential,
    around: &Surroundings<'_>,
    operation: &Operation,
) -> Result<(Request, Vec<String>), EncodeError> {
    let (path, push_type, body, targets) = match operation {
        Operation::Push(push) => {
            let (body, push_type, targets) = message(credential.api, push)?;
            ("messages:send", push_type, body, targets)
        }
        Operation::Subscribe { topic, tokens } if credential.api != Api::V3 => {
            if tokens.is_empty() || tokens.len() > TOKENS_MAX {
                return Err(EncodeError::Misused("1 to 1,000 tokens can be subscribed at once"));
            }
            let body = json!({"topic": topic, "tokenArray": distinct(tokens)});
            ("topic:subscribe", None, body, tokens.clone())
        }
        Operation::Subscribe { .. } => return Err(EncodeError::Unsupported("topics for HarmonyOS")),
        Operation::CreateBroadcastChannel { .. } => return Err(EncodeError::Unsupported("broadcast channels")),
        Operation::FetchDeadTokens => return Err(EncodeError::Unsupported("list of dead tokens")),
    };
    let version = match credential.api {
        Api::V1 => "v1",
        Api::V2 => "v2",
        Api::V3 => "v3",
    };
    let uri = uri(around.origins.base_url(PUSH), &format!("/{version}/{}/{path}", credential.owner))?;
    let mut request = post(uri, JSON, body.to_string());
    let access = around.access.ok_or(EncodeError::Misused("access is missing"))?;
    request.http.headers_mut().insert(AUTHORIZATION, bearer(&access.token)?);
    if let Some(push_type) = push_type {
        request.http.headers_mut().insert("push-type", push_type.into());
    }
    Ok((request, targets))
}

/// The body, the kind of push where the interface has it in a header, and the targets.
fn message(api: Api, push: &Push) -> Result<(Value, Option<u16>, Vec<String>), EncodeError> {
    let (mut message, push_type) = match api {
        Api::V1 | Api::V2 => (android::message(&push.content)?, None),
        Api::V3 => {
            let (message, push_type) = harmony::message(&push.content)?;
            (message, Some(push_type))
        }
    };
    // Who gets it is put in last: what the business wrote must not reach others than those whose answers are read.
    let (target, value, targets) = match &push.to {
        Recipients::Tokens(tokens) => {
            let targets = texts(tokens, TOKENS_MAX)?;
            ("token", json!(distinct(&targets)), targets)
        }
        Recipients::Topic(topic) if api != Api::V3 => ("topic", json!(topic), Vec::new()),
        Recipients::Topic(_) => return Err(EncodeError::Unsupported("topics for HarmonyOS")),
        Recipients::Aliases(_) => return Err(EncodeError::Unsupported("aliases")),
        Recipients::BroadcastChannel(_) => return Err(EncodeError::Unsupported("broadcast channels")),
        Recipients::Everyone => return Err(EncodeError::Unsupported("way to all devices of an app")),
    };
    let targets_in = if api == Api::V3 {
        message.insert("target".to_owned(), json!({}));
        message.get_mut("target").and_then(Value::as_object_mut)
    } else {
        for key in ["token", "topic", "condition"] {
            message.remove(key);
        }
        Some(&mut message)
    };
    if let Some(targets_in) = targets_in {
        targets_in.insert(target.to_owned(), value);
    }
    let body =
        if api == Api::V3 { Value::Object(message) } else { json!({"validate_only": false, "message": message}) };
    Ok((body, push_type, targets))
}

/// Whole seconds, at least one: what "0" means is not documented, and the usual is a day.
fn seconds(time_to_live: Millis) -> u64 {
    time_to_live.div_ceil(1_000).clamp(1, TIME_TO_LIVE_MAX_SECONDS)
}

/// Refuses what Huawei would refuse: what is too large, and a notification without a text.
fn check(message: &Map<String, Value>, notification: Option<&Value>) -> Result<(), EncodeError> {
    let bytes = Value::Object(message.clone()).to_string().len();
    if bytes > BODY_MAX_BYTES {
        let why = format!("80300008: Huawei takes at most {BODY_MAX_BYTES} bytes without the tokens, this has {bytes}");
        return Err(EncodeError::Refused(why));
    }
    let is_empty = |value: &Value, name| value.get(name).and_then(Value::as_str).is_none_or(str::is_empty);
    match notification {
        Some(notification) if is_empty(notification, "title") || is_empty(notification, "body") => {
            Err(EncodeError::Refused("Huawei shows no notification without a title and a body".to_owned()))
        }
        _ => Ok(()),
    }
}

/// A badge's number: Huawei shows less than a hundred.
fn badge(content: &Content) -> Option<u32> {
    content.badge.map(|number| number.min(99))
}
