//! A message becomes requests.

use aws_lc_rs::digest;
use http::{Method, Uri};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::conversation::{Awaiting, Conversation};
use super::decode::{self, Targets};
use super::{Credential, region};
use crate::app_data::{app_data, replaced_by_number};
use crate::json_answer::{self, FORM};
use crate::merge::merge;
use crate::{Access, Click, Content, EncodeError, Push, Recipients, Request, Surroundings};

/// Registration ids in one request.
pub(super) const TOKENS_MAX: usize = 1_000;
/// `off_line_ttl` at most, in seconds: ten days.
const TTL_MAX_SECONDS: u64 = 864_000;
/// Characters of `title`.
const TITLE_MAX: usize = 50;
/// Characters of `content` in the standard style; other styles take more.
const BODY_MAX: usize = 200;
/// Characters of `action_parameters`.
const PARAMETERS_MAX: usize = 4_096;
/// Characters of `click_action_url`.
const URL_MAX: usize = 2_000;
/// Characters of `call_back_url`. A longer one is left out: better no receipts than no message.
const CALLBACK_URL_MAX: usize = 200;

/// Begins to bring a message.
pub(super) fn push(
    credential: &Credential,
    access: &Access,
    around: &Surroundings<'_>,
    push: &Push,
) -> Result<Conversation, EncodeError> {
    let Recipients::Tokens(tokens) = &push.to else {
        return Err(EncodeError::Unsupported("recipients but registration ids"));
    };
    let tokens: Vec<String> = tokens.iter().map(|token| token.text.clone()).collect();
    if tokens.is_empty() || tokens.len() > TOKENS_MAX {
        return Err(EncodeError::Misused("a request has 1 to 1,000 registration ids"));
    }
    let notification = notification(&push.content, around.callback_url)?;
    let base_url = around.origins.base_url(credential.region.site());
    let path = |name: &str| json_answer::uri(base_url, &format!("/server/v1/message/notification/{name}"));
    let token = &access.token;
    if push.same_content && tokens.iter().filter(|token| decode::can_be_listed(token)).count() > 1 {
        let request = save(path("save_message_content")?, token, notification);
        let auth_token = Zeroizing::clone(token);
        let targets = Targets { tokens, region: credential.region };
        let awaiting = Awaiting::Saved { uri: path("broadcast")?, auth_token, targets };
        return Ok(Conversation { request, awaiting });
    }
    let mut messages = tokens.iter().map(|token| unicast(&notification, &push.request_id, token));
    let (name, field, message) = match tokens.len() {
        1 => ("unicast", "message", messages.next().unwrap_or_default()),
        _ => ("unicast_batch", "messages", messages.collect()),
    };
    let message = message.to_string();
    let form = json_answer::form([("auth_token", token.as_str()), (field, &message)]);
    let request = json_answer::post(path(name)?, FORM, form);
    let targets = Targets { tokens, region: credential.region };
    let awaiting = if name == "unicast" { Awaiting::Unicast(targets) } else { Awaiting::Batch(targets) };
    Ok(Conversation { request, awaiting })
}

/// `GET {feedback}/server/v1/feedback/fetch_invalid_regidList`: each dead id is told once.
pub(super) fn fetch_dead_tokens(access: &Access, around: &Surroundings<'_>) -> Result<Conversation, EncodeError> {
    let query = json_answer::form([("auth_token", access.token.as_str())]);
    let path = format!("/server/v1/feedback/fetch_invalid_regidList?{query}");
    let mut http = http::Request::new(bytes::Bytes::new());
    *http.method_mut() = Method::GET;
    *http.uri_mut() = json_answer::uri(around.origins.base_url(region::FEEDBACK), &path)?;
    Ok(Conversation { request: Request { http, identity: None }, awaiting: Awaiting::DeadTokens })
}

/// One device's message: target type 2 = a registration id. The vendor drops a repeat of an `app_message_id`, so each device
/// has its own, and the same whichever request it is in.
fn unicast(notification: &Map<String, Value>, request_id: &str, token: &str) -> Value {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let of_token: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut notification = notification.clone();
    notification.insert("app_message_id".into(), format!("{request_id}-{of_token}").into());
    json!({"target_type": 2, "target_value": token, "notification": notification})
}

/// `POST …/save_message_content`: the fields stand flat in the form. Without an `app_message_id`: one that is saved again
/// reaches nobody by itself, and after a lost answer the vendor's "repeat" would not say what it is called. The price: unlike
/// the others, a broadcast that is repeated after a lost answer comes twice.
fn save(uri: Uri, auth_token: &str, notification: Map<String, Value>) -> Request {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    // What the business wrote wins, but for what authorises.
    let written = notification.into_iter().filter(|(name, _)| name != "auth_token");
    let fields: Vec<_> = written.map(|(name, value)| (name, text(value))).collect();
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    json_answer::post(uri, FORM, json_answer::form([("auth_token", auth_token)].into_iter().chain(fields)))
}

fn notification(content: &Content, callback_url: Option<&str>) -> Result<Map<String, Value>, EncodeError> {
    if content.silent {
        return Err(EncodeError::Unsupported("silent messages"));
    }
    if content.live_activity.is_some() {
        return Err(EncodeError::Unsupported("live activities"));
    }
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.into(), value);
    if let Some(title) = &content.title {
        put("title", title.as_str().into());
    }
    if let Some(body) = &content.body {
        put("content", body.as_str().into());
    }
    match &content.click {
        Click::OpenApp => put("click_action_type", 0.into()),
        Click::Url(url) => {
            put("click_action_type", 2.into());
            put("click_action_url", url.as_str().into())
        }
        Click::Intent(intent) => {
            put("click_action_type", 5.into());
            put("click_action_url", intent.as_str().into())
        }
    };
    put("action_parameters", Value::Object(app_data(content)).to_string().into());
    put("off_line", (content.time_to_live > 0).into());
    if content.time_to_live > 0 {
        put("off_line_ttl", content.time_to_live.div_ceil(1_000).min(TTL_MAX_SECONDS).into());
    }
    put("notify_id", replaced_by_number(content).into());
    if let Some(url) = callback_url.filter(|url| url.chars().count() <= CALLBACK_URL_MAX) {
        put("call_back_url", url.into());
        put("call_back_parameter", content.message_id.as_str().into());
    }
    merge(&mut fields, &content.overrides);
    check(&fields)?;
    Ok(fields)
}

/// What the vendor's SDK refuses.
fn check(fields: &Map<String, Value>) -> Result<(), EncodeError> {
    let refuse = |why: String| Err(EncodeError::Refused(why));
    for name in ["title", "content"] {
        if fields.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return refuse(format!("{name} is required"));
        }
    }
    let is_standard = fields.get("style").and_then(Value::as_u64).is_none_or(|style| style == 1);
    let most = [
        ("title", TITLE_MAX),
        ("content", if is_standard { BODY_MAX } else { usize::MAX }),
        ("action_parameters", PARAMETERS_MAX),
        ("click_action_url", URL_MAX),
    ];
    for (name, most) in most {
        if fields.get(name).and_then(Value::as_str).is_some_and(|text| text.chars().count() > most) {
            return refuse(format!("{name} has more than {most} characters"));
        }
    }
    Ok(())
}
