//! A message becomes a request.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use homing_domain::Channel;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use serde_json::json;

use crate::apns::credential::{Credential, Environment, Proof};
use crate::apns::decode::{Asked, SingleExchange};
use crate::apns::payload::{BROADCAST_MAX_BYTES, PAYLOAD_MAX_BYTES, payload, priority};
use crate::apns::push_type::{ALERT, BACKGROUND, LIVE_ACTIVITY};
use crate::app_data::replaced_by;
use crate::client_credentials::authorization;
use crate::json_answer::{JSON, post, uri};
use crate::{Content, EncodeError, Push, Recipients, Request, Site, Surroundings, Token};

const PRODUCTION: Site =
    Site { channel: Channel::Apns, label: "production", production: "https://api.push.apple.com:443" };
const SANDBOX: Site =
    Site { channel: Channel::Apns, label: "sandbox", production: "https://api.sandbox.push.apple.com:443" };
const MANAGE_PRODUCTION: Site = Site {
    channel: Channel::Apns,
    label: "broadcast_manage_production",
    production: "https://api-manage-broadcast.push.apple.com:2196",
};
const MANAGE_SANDBOX: Site = Site {
    channel: Channel::Apns,
    label: "broadcast_manage_sandbox",
    production: "https://api-manage-broadcast.sandbox.push.apple.com:2195",
};

/// Longest `apns-collapse-id`.
const COLLAPSE_ID_MAX_BYTES: usize = 64;
/// Longest device token: those of Live Activities have more than the usual 64 digits, and Apple wants no length assumed.
const TOKEN_MAX_BYTES: usize = 1_024;

/// A message for one device or one broadcast channel.
pub(super) fn push(
    credential: &Credential,
    around: &Surroundings<'_>,
    push: &Push,
) -> Result<SingleExchange, EncodeError> {
    match &push.to {
        Recipients::Tokens(tokens) => match tokens.as_slice() {
            [token] => to_device(credential, around, &push.content, token),
            _ => Err(EncodeError::Misused("APNs takes one token in a request")),
        },
        Recipients::BroadcastChannel(channel) => to_broadcast_channel(credential, around, &push.content, channel),
        Recipients::Topic(_) => Err(EncodeError::Unsupported("topics")),
        Recipients::Aliases(_) => Err(EncodeError::Unsupported("aliases")),
        Recipients::Everyone => Err(EncodeError::Unsupported("push to everyone")),
    }
}

fn to_device(
    credential: &Credential,
    around: &Surroundings<'_>,
    content: &Content,
    token: &Token,
) -> Result<SingleExchange, EncodeError> {
    let hexadecimal = token.text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hexadecimal || token.text.is_empty() || token.text.len() > TOKEN_MAX_BYTES {
        return Err(EncodeError::Refused("the token is no token of APNs: hexadecimal digits".into()));
    }
    let site = if credential.environment == Environment::Production { PRODUCTION } else { SANDBOX };
    let path = format!("/3/device/{}", token.text.to_ascii_lowercase());
    let body = payload(content, PAYLOAD_MAX_BYTES)?;
    let push_type = body.push_type;
    let mut request = authorized(credential, around, site, &path, body.json)?;
    if push_type == LIVE_ACTIVITY && matches!(credential.proof, Proof::Certificate { .. }) {
        return Err(EncodeError::Refused("Live Activities need a token key, not a certificate".into()));
    }
    set(&mut request, "apns-topic", &format!("{}{}", credential.bundle_id, push_type.topic_suffix))?;
    set(&mut request, "apns-push-type", push_type.name)?;
    set(&mut request, "apns-priority", priority(content.priority, push_type == BACKGROUND))?;
    set(&mut request, "apns-expiration", &expiration(around, content))?;
    // What shows a message replaces at least its own repeat: Apple drops none by its id.
    let replaces = if push_type == ALERT { Some(replaced_by(content)) } else { content.collapse_key.as_deref() };
    if let Some(key) = replaces.filter(|key| !key.is_empty()) {
        set(&mut request, "apns-collapse-id", &collapse_id(key))?;
    }
    if let Some(id) = hyphenated(&content.message_id) {
        set(&mut request, "apns-id", &id)?;
    }
    Ok(SingleExchange { request, asked: Asked::Device { since: token.since } })
}

/// Broadcasts go to those who follow a Live Activity, on iOS 18 and later. The channel stands in place of a topic.
fn to_broadcast_channel(
    credential: &Credential,
    around: &Surroundings<'_>,
    content: &Content,
    channel: &str,
) -> Result<SingleExchange, EncodeError> {
    if content.live_activity.is_none() {
        return Err(EncodeError::Refused("broadcast channels of APNs carry Live Activities only".into()));
    }
    let site = if credential.environment == Environment::Production { PRODUCTION } else { SANDBOX };
    let path = format!("/4/broadcasts/apps/{}", credential.bundle_id);
    let body = payload(content, BROADCAST_MAX_BYTES)?;
    let mut request = authorized(credential, around, site, &path, body.json)?;
    set(&mut request, "apns-channel-id", channel)?;
    set(&mut request, "apns-push-type", LIVE_ACTIVITY.name)?;
    set(&mut request, "apns-priority", priority(content.priority, false))?;
    set(&mut request, "apns-expiration", &expiration(around, content))?;
    if let Some(id) = hyphenated(&content.message_id) {
        set(&mut request, "apns-request-id", &id)?;
    }
    Ok(SingleExchange { request, asked: Asked::Broadcast })
}

/// A broadcast channel is made.
pub(super) fn create_broadcast_channel(
    credential: &Credential,
    around: &Surroundings<'_>,
    message_storage_policy: u8,
) -> Result<SingleExchange, EncodeError> {
    let site = if credential.environment == Environment::Production { MANAGE_PRODUCTION } else { MANAGE_SANDBOX };
    let path = format!("/1/apps/{}/channels", credential.bundle_id);
    let body = json!({"message-storage-policy": message_storage_policy, "push-type": "LiveActivity"});
    let request = authorized(credential, around, site, &path, body.to_string().into_bytes())?;
    Ok(SingleExchange { request, asked: Asked::NewChannel })
}

fn authorized(
    credential: &Credential,
    around: &Surroundings<'_>,
    site: Site,
    path: &str,
    body: Vec<u8>,
) -> Result<Request, EncodeError> {
    let mut request = post(uri(around.origins.base_url(site), path)?, JSON, Bytes::from(body));
    match &credential.proof {
        Proof::Certificate { identity, .. } => request.identity = Some(identity.clone()),
        Proof::TokenKey { .. } => {
            let access = around.access.ok_or(EncodeError::Misused("APNs wants a signed token"))?;
            let value = authorization(&format!("bearer {}", &*access.token))?;
            request.http.headers_mut().insert(AUTHORIZATION, value);
        }
    }
    Ok(request)
}

fn set(request: &mut Request, name: &'static str, value: &str) -> Result<(), EncodeError> {
    let value = HeaderValue::from_str(value).map_err(|_| EncodeError::Refused(format!("{name} cannot be a header")))?;
    request.http.headers_mut().insert(HeaderName::from_static(name), value);
    Ok(())
}

/// Seconds since 1970; 0 = once, or never.
fn expiration(around: &Surroundings<'_>, content: &Content) -> String {
    match content.time_to_live {
        0 => "0".to_owned(),
        time_to_live => around.now.plus(time_to_live).0.div_ceil(1_000).to_string(),
    }
}

/// The key itself where it can stand in a header, else its digest: the same key gives the same id.
fn collapse_id(key: &str) -> String {
    if key.len() <= COLLAPSE_ID_MAX_BYTES && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        key.to_owned()
    } else {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, key.as_bytes()))
    }
}

/// Our id as the UUID that it is. Ids of another form do not travel as `apns-id`.
fn hyphenated(id: &str) -> Option<String> {
    let valid = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| {
        [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(from, to)| id.get(from..to).unwrap_or("")).join("-")
    })
}
