//! A message becomes a request.

use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::credential::{Api, Credential};
use super::{PUSH, TOKENS_MAX};
use crate::addressing::{distinct, texts};
use crate::client_credentials::bearer;
use crate::json_answer::{JSON, post, uri};
use crate::{EncodeError, Operation, Push, Recipients, Request, Surroundings};

mod android;
mod harmony;

/// For people.
const VENDOR: &str = "Huawei";

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
