//! Apple's push service: one token per request, a JWT signed with ES256 per key.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::actor::{Actor, Books, is_dead_at_once};
use crate::asked::{Asked, Said, Taken};
use crate::identity::message_id;
use crate::signature::Jwt;

/// Bytes of a payload.
const PAYLOAD_MAX_BYTES: usize = 4_096;
/// Bytes of a payload for calls and broadcasts.
const LARGE_PAYLOAD_MAX_BYTES: usize = 5_120;
/// Bytes of `apns-collapse-id`.
const COLLAPSE_ID_MAX_BYTES: usize = 64;
/// A provider token may be used for an hour.
const TOKEN_AGE_SECONDS: u64 = 3_600;
/// Length of key ids and team ids.
const ID_LENGTH: usize = 10;
/// What a dead token begins with that must be hexadecimal.
const DEAD_HEX: &str = "dead";
const PUSH_TYPES: [&str; 11] = [
    "alert",
    "background",
    "location",
    "voip",
    "complication",
    "fileprovider",
    "mdm",
    "liveactivity",
    "pushtotalk",
    "widgets",
    "controls",
];

pub(crate) struct Apns;

impl Actor for Apns {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.path.starts_with("/3/device/") || asked.path.starts_with("/4/broadcasts/")
    }

    fn throttled(&self) -> Said {
        refuse(429, "TooManyRequests")
    }

    fn outage(&self) -> Said {
        refuse(503, "ServiceUnavailable")
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        let parts = asked.parts();
        if asked.method != Method::POST {
            return refuse(405, "MethodNotAllowed");
        }
        if let Err(said) = authorise(books, asked) {
            return said;
        }
        match parts[..] {
            ["3", "device", token] => send(books, asked, token),
            ["4", "broadcasts", "apps", _] => broadcast(books, asked),
            ["1", "apps", _, "channels"] => {
                let id = books.next_id();
                Said::empty(StatusCode::CREATED).with("apns-channel-id", id.clone()).with("apns-request-id", id)
            }
            ["3", "device"] => refuse(400, "MissingDeviceToken"),
            _ => refuse(404, "BadPath"),
        }
    }
}

fn refuse(status: u16, reason: &str) -> Said {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Said::json(status, &json!({ "reason": reason })).refusing(reason)
}

/// With no provider token the client must have shown a certificate: who terminates TLS knows, and here it is let pass when one
/// was registered under the id `certificate`.
fn authorise(books: &mut Books, asked: &Asked) -> Result<(), Said> {
    let Some(text) = asked.authorization("bearer") else {
        let shows_certificate = books.credential("certificate").is_some();
        return if shows_certificate { Ok(()) } else { Err(refuse(403, "MissingProviderToken")) };
    };
    if books.is_expired(text) {
        return Err(refuse(403, "ExpiredProviderToken"));
    }
    let jwt = Jwt::read(text).ok_or_else(|| refuse(403, "InvalidProviderToken"))?;
    let is_well_formed = jwt.algorithm() == "ES256"
        && jwt.key_id().len() == ID_LENGTH
        && jwt.text("iss").len() == ID_LENGTH
        && jwt.claims.get("exp").is_none();
    let registered = books.credential(jwt.key_id()).and_then(|credential| credential.public_key.as_deref());
    if !is_well_formed || registered.is_some_and(|key| !jwt.is_signed_by(key)) {
        return Err(refuse(403, "InvalidProviderToken"));
    }
    if !jwt.is_fresh(asked.now, TOKEN_AGE_SECONDS) {
        let is_old = jwt.seconds("iat").is_some_and(|at| at * 1_000 < asked.now);
        return Err(refuse(403, if is_old { "ExpiredProviderToken" } else { "InvalidProviderToken" }));
    }
    books.note_access(text, asked.now + TOKEN_AGE_SECONDS * 1_000);
    Ok(())
}

fn send(books: &mut Books, asked: &Asked, token: &str) -> Said {
    let id = asked.header("apns-id").map_or_else(|| books.next_id(), str::to_owned);
    let said = match check(asked) {
        Err(said) => said,
        Ok(_) if is_dead_at_once(token) || token.starts_with(DEAD_HEX) => {
            let body = json!({ "reason": "Unregistered", "timestamp": asked.now });
            Said::json(StatusCode::GONE, &body).with_dead(1)
        }
        Ok(_) if !is_token(token) => refuse(400, "BadDeviceToken"),
        Ok(payload) => {
            let message = message_id(&payload);
            let taken = Taken { token: token.to_owned(), message, vendor_id: id.clone(), callback: None };
            Said::empty(StatusCode::OK).taking(vec![taken])
        }
    };
    said.with("apns-id", id)
}

fn is_token(token: &str) -> bool {
    !token.is_empty() && token.len().is_multiple_of(2) && token.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Gives the payload, unless headers or payload are wrong.
fn check(asked: &Asked) -> Result<Value, Said> {
    let wrong = |reason| Err(refuse(400, reason));
    let Some(topic) = asked.header("apns-topic") else { return wrong("MissingTopic") };
    if topic.is_empty() {
        return wrong("BadTopic");
    }
    let push_type = asked.header("apns-push-type").unwrap_or("alert");
    if !PUSH_TYPES.contains(&push_type) {
        return wrong("InvalidPushType");
    }
    let priority = asked.header("apns-priority").unwrap_or("10");
    if !["10", "5", "1"].contains(&priority) || (push_type == "background" && priority == "10") {
        return wrong("BadPriority");
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if asked.header("apns-expiration").is_some_and(|text| !is_number(text)) {
        return wrong("BadExpirationDate");
    }
    if asked.header("apns-collapse-id").is_some_and(|id| id.len() > COLLAPSE_ID_MAX_BYTES) {
        return wrong("BadCollapseId");
    }
    if asked.header("apns-id").is_some_and(|id| id.len() != 36 || id.split('-').count() != 5) {
        return wrong("BadMessageId");
    }
    let max = if push_type == "voip" { LARGE_PAYLOAD_MAX_BYTES } else { PAYLOAD_MAX_BYTES };
    payload(asked, max)
}

fn payload(asked: &Asked, max: usize) -> Result<Value, Said> {
    if asked.body.len() > max {
        return Err(refuse(413, "PayloadTooLarge"));
    }
    asked.json().filter(|payload| payload["aps"].is_object()).ok_or_else(|| refuse(400, "PayloadEmpty"))
}

fn broadcast(books: &mut Books, asked: &Asked) -> Said {
    let Some(channel) = asked.header("apns-channel-id").map(str::to_owned) else {
        return refuse(400, "MissingChannelId");
    };
    if asked.header("apns-expiration").is_none() {
        return refuse(400, "BadExpirationDate");
    }
    match payload(asked, LARGE_PAYLOAD_MAX_BYTES) {
        Err(said) => said,
        Ok(payload) => {
            let (message, vendor_id) = (message_id(&payload), books.next_id());
            let taken = Taken { token: channel, message, vendor_id: vendor_id.clone(), callback: None };
            Said::empty(StatusCode::OK).with("apns-request-id", vendor_id).taking(vec![taken])
        }
    }
}
