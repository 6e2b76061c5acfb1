//! An operation becomes a request.

use homing_domain::Channel;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::client_credentials::bearer;
use crate::fcm::credential::Credential;
use crate::fcm::decode;
use crate::fcm::message::{MESSAGE_MAX_BYTES, TOPIC_MESSAGE_MAX_BYTES, message};
use crate::json_answer::{JSON, post, uri};
use crate::one_request::OneRequest;
use crate::{EncodeError, Push, Recipients, Request, Site, Surroundings};

const SEND: Site = Site { channel: Channel::Fcm, label: "send", production: "https://fcm.googleapis.com" };
const TOPICS: Site =
    Site { channel: Channel::Fcm, label: "topic_management", production: "https://iid.googleapis.com" };

/// Tokens in one subscription request ("Manage topic subscriptions on the server": 1,000).
const SUBSCRIBE_MAX_TOKENS: usize = 1_000;
/// Longest token that is sent. FCM's have less than 300 bytes, and Google wants no length assumed.
const TOKEN_MAX_BYTES: usize = 4_096;
/// Longest name of a topic (`[a-zA-Z0-9-_.~%]{1,900}`).
const TOPIC_MAX_BYTES: usize = 900;

/// A message for one device or one topic.
pub(super) fn push(credential: &Credential, around: &Surroundings<'_>, push: &Push) -> Result<OneRequest, EncodeError> {
    let (target, limit, targets) = match &push.to {
        Recipients::Tokens(tokens) => match tokens.as_slice() {
            [token] => {
                check_token(&token.text)?;
                (("token", token.text.as_str()), MESSAGE_MAX_BYTES, vec![token.text.clone()])
            }
            _ => return Err(EncodeError::Misused("FCM takes one token in a request")),
        },
        Recipients::Topic(topic) => (("topic", topic_name(topic)?), TOPIC_MESSAGE_MAX_BYTES, Vec::new()),
        Recipients::Aliases(_) => return Err(EncodeError::Unsupported("aliases")),
        Recipients::BroadcastChannel(_) => return Err(EncodeError::Unsupported("broadcast channels")),
        Recipients::Everyone => return Err(EncodeError::Unsupported("push to everyone")),
    };
    let mut message = message(&push.content, around.now, limit)?;
    message.insert(target.0.to_owned(), target.1.into());
    let path = format!("/v1/projects/{}/messages:send", credential.project_id);
    let request = authorized(around, SEND, &path, &json!({"message": message}))?;
    Ok(OneRequest { request, targets, read: decode::sent })
}

/// Tokens get to hear a topic.
pub(super) fn subscribe(around: &Surroundings<'_>, topic: &str, tokens: &[String]) -> Result<OneRequest, EncodeError> {
    if tokens.is_empty() || tokens.len() > SUBSCRIBE_MAX_TOKENS {
        return Err(EncodeError::Misused("a subscription takes 1 to 1,000 tokens"));
    }
    tokens.iter().try_for_each(|token| check_token(token))?;
    let to = format!("/topics/{}", topic_name(topic)?);
    let body = json!({"to": to, "registration_tokens": tokens});
    let mut request = authorized(around, TOPICS, "/iid/v1:batchAdd", &body)?;
    // Google's Admin SDKs say by this that the bearer token is OAuth's, not the old server key.
    request.http.headers_mut().insert("access_token_auth", HeaderValue::from_static("true"));
    Ok(OneRequest { request, targets: tokens.to_vec(), read: decode::subscribed })
}

fn authorized(around: &Surroundings<'_>, site: Site, path: &str, body: &Value) -> Result<Request, EncodeError> {
    let access = around.access.ok_or(EncodeError::Misused("FCM wants an access token"))?;
    let mut request = post(uri(around.origins.base_url(site), path)?, JSON, body.to_string());
    request.http.headers_mut().insert(AUTHORIZATION, bearer(&access.token)?);
    Ok(request)
}

fn check_token(token: &str) -> Result<(), EncodeError> {
    if token.is_empty() || token.len() > TOKEN_MAX_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(EncodeError::Refused("the token is no token of FCM".into()));
    }
    Ok(())
}

/// With or without the prefix that the subscription interface wants.
fn topic_name(topic: &str) -> Result<&str, EncodeError> {
    let name = topic.strip_prefix("/topics/").unwrap_or(topic);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte);
    if name.is_empty() || name.len() > TOPIC_MAX_BYTES || !name.bytes().all(allowed) {
        return Err(EncodeError::Refused("a topic of FCM has letters, digits and -_.~% only".into()));
    }
    Ok(name)
}
