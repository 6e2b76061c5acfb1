//! A message becomes a request.

use homing_domain::Millis;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};

use super::credential::Credential;
use super::{PUSH, TOKENS_MAX};
use crate::addressing::{distinct, texts};
use crate::app_data::{app_data, replaced_by};
use crate::client_credentials::bearer;
use crate::json_answer::{JSON, post, uri};
use crate::merge::merge;
use crate::{Category, Click, Content, EncodeError, Operation, Recipients, Request, Surroundings};

/// Longest body in bytes, tokens not counted (code 80300008).
const BODY_MAX_BYTES: usize = 4_096;
/// Longest time that Honor keeps a message.
const TIME_TO_LIVE_MAX_SECONDS: u64 = 1_296_000;

/// The request, and the tokens in the order of its targets.
pub(super) fn request(
    credential: &Credential,
    around: &Surroundings<'_>,
    operation: &Operation,
) -> Result<(Request, Vec<String>), EncodeError> {
    let push = match operation {
        Operation::Push(push) => push,
        Operation::Subscribe { .. } => return Err(EncodeError::Unsupported("topics")),
        Operation::CreateBroadcastChannel { .. } => return Err(EncodeError::Unsupported("broadcast channels")),
        Operation::FetchDeadTokens => return Err(EncodeError::Unsupported("list of dead tokens")),
    };
    let targets = match &push.to {
        Recipients::Tokens(tokens) => texts(tokens, TOKENS_MAX)?,
        Recipients::Topic(_) => return Err(EncodeError::Unsupported("topics")),
        Recipients::Aliases(_) => return Err(EncodeError::Unsupported("aliases")),
        Recipients::BroadcastChannel(_) => return Err(EncodeError::Unsupported("broadcast channels")),
        Recipients::Everyone => return Err(EncodeError::Unsupported("way to all devices of an app")),
    };
    let mut message = message(&push.content)?;
    // Put in last: what the business wrote must not reach others than those whose answers are read.
    message.insert("token".to_owned(), json!(distinct(&targets)));
    let uri = uri(around.origins.base_url(PUSH), &format!("/api/v1/{}/sendMessage", credential.app_id))?;
    let mut request = post(uri, JSON, Value::Object(message).to_string());
    let access = around.access.ok_or(EncodeError::Misused("access is missing"))?;
    let headers = request.http.headers_mut();
    headers.insert(AUTHORIZATION, bearer(&access.token)?);
    // In milliseconds; without it or far from Honor's own clock nothing is taken (10001, 10207).
    headers.insert("timestamp", HeaderValue::from(around.now.0));
    Ok((request, targets))
}

/// The body, without whom it is for.
fn message(content: &Content) -> Result<Map<String, Value>, EncodeError> {
    let mut android = Map::new();
    android.insert("ttl".to_owned(), format!("{}s", seconds(content.time_to_live)).into());
    android.insert("biTag".to_owned(), content.message_id.as_str().into());
    if !content.silent {
        android.insert("notification".to_owned(), Value::Object(notification(content)));
    }
    let mut message = Map::new();
    message.insert("data".to_owned(), Value::Object(app_data(content)).to_string().into());
    message.insert("android".to_owned(), android.into());
    merge(&mut message, &content.overrides);
    message.remove("token");
    check(&message)?;
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
        "clickAction",
        match &content.click {
            Click::OpenApp => json!({"type": 3}),
            Click::Url(url) => json!({"type": 2, "url": url}),
            Click::Intent(intent) => json!({"type": 1, "intent": intent}),
        },
    );
    // LOW is where Honor puts what a business wants, NORMAL what the person expects.
    put("importance", if content.category == Category::Marketing { "LOW" } else { "NORMAL" }.into());
    put("tag", replaced_by(content).into());
    if let Some(number) = content.badge {
        put("badge", json!({"setNum": number.min(99)}));
    }
    notification
}

/// Whole seconds, at least one: what "0" means is not documented, and the usual is a day.
fn seconds(time_to_live: Millis) -> u64 {
    time_to_live.div_ceil(1_000).clamp(1, TIME_TO_LIVE_MAX_SECONDS)
}

/// Refuses what Honor would refuse: what is too large, and a notification without a text.
fn check(message: &Map<String, Value>) -> Result<(), EncodeError> {
    let bytes = Value::Object(message.clone()).to_string().len();
    if bytes > BODY_MAX_BYTES {
        let why = format!("80300008: Honor takes at most {BODY_MAX_BYTES} bytes without the tokens, this has {bytes}");
        return Err(EncodeError::Refused(why));
    }
    let Some(shown) = message.get("android").and_then(|android| android.get("notification")) else { return Ok(()) };
    // What stands for all platforms holds for Android too.
    let of_all = message.get("notification");
    let is_empty = |name: &str| {
        let text = shown.get(name).or_else(|| of_all?.get(name));
        text.and_then(Value::as_str).is_none_or(str::is_empty)
    };
    if is_empty("title") || is_empty("body") {
        return Err(EncodeError::Refused("Honor shows no notification without a title and a body".to_owned()));
    }
    Ok(())
}
