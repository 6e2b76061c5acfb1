//! The push service: what any Web Push library sends becomes a message for one device (RFC 8030).
//!
//! The body is encrypted for the device (RFC 8291) and goes by its own link only; nobody here can read it.

use bytes::Bytes;
use homing_contract::http::v1::ValidPush;
use homing_credentials::{WebPushEndpoint, sha256};
use homing_domain::limits::{COLLAPSE_KEY_MAX_BYTES, TTL_MAX_SECONDS};
use homing_domain::{
    Audience, DeliveryPolicy, Exclusion, MessageId, Options, Priority, QuietHoursPolicy, Schedule, UnixMillis,
};
use homing_endpoint::{Edge, Problem};
use homing_web_push::{envelope, vapid};
use http::{HeaderMap, StatusCode, header};

use crate::accept::{Acceptance, accept};
use crate::queue::Ports;

/// The largest body: what RFC 8030 section 7.2 has a push service take at least.
pub(crate) const BODY_MAX_BYTES: usize = 4_096;
/// The longest topic (RFC 8030 section 5.4).
const TOPIC_MAX_BYTES: usize = 32;
/// Before a topic in a collapse key: topics of other subscriptions and keys of the business are others.
const COLLAPSE_PREFIX: &str = "wp";

/// What a sender asks for beside the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Seconds, at most what we keep messages for; the sender is told.
    pub(crate) time_to_live: u32,
    priority: Priority,
    topic: Option<String>,
}

impl Terms {
    /// Reads the headers.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self { time_to_live: time_to_live(headers)?, priority: urgency(headers)?, topic: topic(headers)? })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let value = headers.get(name).map(|value| value.to_str().map(str::trim));
    value.transpose().map_err(|_| Problem::bad_request("invalid_header", format!("{name} is not ASCII")))
}

/// RFC 8030 section 5.2: it must be there, and more than we keep is shortened.
fn time_to_live(headers: &HeaderMap) -> Result<u32, Problem> {
    let wrong = || Problem::bad_request("ttl_required", "the header TTL must be there, a number of seconds");
    let ttl = text(headers, "ttl")?.filter(|ttl| ttl.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(wrong)?;
    if ttl.is_empty() {
        return Err(wrong());
    }
    // A number that does not fit is longer than any that does.
    Ok(ttl.parse().unwrap_or(u32::MAX).min(TTL_MAX_SECONDS))
}

/// RFC 8030 section 5.3.
fn urgency(headers: &HeaderMap) -> Result<Priority, Problem> {
    match text(headers, "urgency")? {
        None | Some("normal") => Ok(Priority::Normal),
        Some("high") => Ok(Priority::High),
        Some("low" | "very-low") => Ok(Priority::Low),
        Some(_) => Err(Problem::bad_request("invalid_urgency", "Urgency is one of very-low, low, normal, high")),
    }
}

/// RFC 8030 section 5.4.
fn topic(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let is_plain = |topic: &str| topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match text(headers, "topic")? {
        None => Ok(None),
        Some(topic) if (1..=TOPIC_MAX_BYTES).contains(&topic.len()) && is_plain(topic) => Ok(Some(topic.to_owned())),
        Some(_) => Err(Problem::bad_request("invalid_topic", "Topic has 1 to 32 characters of base64url")),
    }
}

/// The body must be encrypted, or empty.
pub(crate) fn check_body(headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    if body.len() > BODY_MAX_BYTES {
        let detail = format!("a body has at most {BODY_MAX_BYTES} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail));
    }
    let is_encrypted = text(headers, header::CONTENT_ENCODING.as_str())? == Some("aes128gcm");
    if !body.is_empty() && !is_encrypted {
        let detail = "Content-Encoding must be aes128gcm (RFC 8291)";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_encrypted", detail));
    }
    Ok(())
}

/// Who sends, where the subscription was made for one sender (RFC 8292 section 4.2). Whoever says who they are must be right.
pub(crate) fn check_sender(
    endpoint: &WebPushEndpoint,
    headers: &HeaderMap,
    origin: &str,
    now: UnixMillis,
) -> Result<(), Problem> {
    let Some(presented) = text(headers, header::AUTHORIZATION.as_str())? else {
        return if endpoint.is_restricted() {
            Err(Problem::unauthorized("vapid_required", "this subscription is for one application server (RFC 8292)"))
        } else {
            Ok(())
        };
    };
    let key = vapid::verify(presented, origin, now.0 / 1_000)
        .map_err(|error| Problem::new(StatusCode::FORBIDDEN, "vapid_invalid", format!("{error}; this is {origin}")))?;
    if endpoint.admits(&key) {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "vapid_other_key",
            "this subscription is for another application server",
        ))
    }
}

/// Makes the message durable.
pub(crate) async fn take<P: Ports>(
    edge: &Edge<P>,
    endpoint: &WebPushEndpoint,
    terms: &Terms,
    body: &[u8],
) -> Result<MessageId, Problem> {
    let push = push(endpoint, terms, body);
    let acceptance =
        Acceptance { app: &endpoint.app, push, body_sha256: sha256(body), idempotency_key: None, sent_at: edge.now() };
    accept(edge.ports(), edge.entropy(), edge.now(), acceptance).await.map_err(|error| match error {
        crate::AcceptError::Port(error) => error.into(),
        crate::AcceptError::KeyReused => Problem::internal(),
    })
}

fn push(endpoint: &WebPushEndpoint, terms: &Terms, body: &[u8]) -> ValidPush {
    let collapse_key = terms.topic.as_ref().map(|topic| format!("{COLLAPSE_PREFIX}:{}:{topic}", endpoint.subscription));
    debug_assert!(collapse_key.as_ref().is_none_or(|key| key.len() <= COLLAPSE_KEY_MAX_BYTES));
    ValidPush {
        audience: Audience::Devices(vec![endpoint.device]),
        exclude: Exclusion::default(),
        payload: Bytes::from(envelope::wrap(endpoint.subscription, body)),
        localizations: Vec::new(),
        overrides: Vec::new(),
        options: Options {
            ttl_seconds: terms.time_to_live,
            priority: terms.priority,
            collapse_key,
            // Whether it shows something only the device knows: it is the app that decides.
            silent: true,
            quiet_hours: QuietHoursPolicy::Ignore,
            delivery: DeliveryPolicy::OwnOnly,
            ..Options::default()
        },
        schedule: Schedule::Now,
        release_at: None,
        validate_only: false,
    }
}

#[cfg(test)]
mod tests;
