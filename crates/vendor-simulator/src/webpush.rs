//! A push service of browsers, and the browsers too: it makes subscriptions, and decrypts what comes for them.

use homing_web_push::{AUTH_BYTES, DeviceKeys, PRIVATE_KEY_BYTES, Subscription, decrypt, vapid};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::actor::{Actor, Books};
use crate::asked::{Asked, Said, Taken};
use crate::identity::message_id;

/// Bytes of a body.
const BODY_MAX_BYTES: usize = 4_096;
/// Characters of `Topic`.
const TOPIC_CHARS: usize = 32;
/// What `Retry-After` says, in seconds.
const RETRY_AFTER: &str = "1";
/// Random numbers tried for a private key: less than one of 2³² is none.
const KEYS_TRIED: usize = 4;
const URGENCIES: [&str; 4] = ["very-low", "low", "normal", "high"];

/// A browser that subscribed.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    keys: DeviceKeys,
    pub(crate) endpoint: String,
    is_dead: bool,
}

pub(crate) struct WebPush;

impl Actor for WebPush {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.method == Method::POST
    }

    fn throttled(&self) -> Said {
        Said::empty(StatusCode::TOO_MANY_REQUESTS).with("retry-after", RETRY_AFTER)
    }

    fn outage(&self) -> Said {
        Said::empty(StatusCode::SERVICE_UNAVAILABLE)
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        if asked.method != Method::POST {
            return refuse(StatusCode::METHOD_NOT_ALLOWED);
        }
        let subscriber = match asked.parts()[..] {
            [.., "sub", name] => books.subscriptions.find(&name.to_owned()).cloned(),
            _ => None,
        };
        let Some(subscriber) = subscriber else { return refuse(StatusCode::NOT_FOUND).with_dead(1) };
        if let Err(said) = check(asked) {
            return said;
        }
        if !is_identified(asked, &subscriber.endpoint) {
            return refuse(StatusCode::FORBIDDEN);
        }
        if subscriber.is_dead {
            return Said::empty(StatusCode::GONE).with_dead(1);
        }
        let Ok(plain) = decrypt(&asked.body, &subscriber.keys) else { return refuse(StatusCode::BAD_REQUEST) };
        let data: Value = serde_json::from_slice(&plain).unwrap_or_default();
        let message = [&data, &data["data"]].into_iter().map(message_id).find(|id| !id.is_empty());
        let id = books.next_id();
        let location = format!("{}/webpush/message/{id}", asked.origin);
        let token = subscriber.endpoint;
        let taken = Taken { token, message: message.unwrap_or_default(), vendor_id: id, callback: None };
        Said::empty(StatusCode::CREATED).with("location", location).taking(vec![taken])
    }
}

fn refuse(status: StatusCode) -> Said {
    Said::empty(status).refusing(status.as_str())
}

fn check(asked: &Asked) -> Result<(), Said> {
    let ttl = asked.header("ttl").and_then(|text| text.parse::<u64>().ok());
    let urgency = asked.header("urgency").unwrap_or("normal");
    let topic = asked.header("topic").unwrap_or_default();
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_right = ttl.is_some()
        && URGENCIES.contains(&urgency)
        && topic.len() <= TOPIC_CHARS
        && topic.bytes().all(is_base64url)
        && asked.header("content-encoding") == Some("aes128gcm");
    if !is_right {
        return Err(refuse(StatusCode::BAD_REQUEST));
    }
    if asked.body.len() > BODY_MAX_BYTES {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE));
    }
    Ok(())
}

/// Whether the sender identified itself (RFC 8292) to the origin of the endpoint, or to where the request went.
fn is_identified(asked: &Asked, endpoint: &str) -> bool {
    let header = asked.header("authorization").unwrap_or_default();
    [origin(endpoint), asked.origin.as_str()]
        .into_iter()
        .any(|audience| vapid::verify(header, audience, asked.now / 1_000).is_ok())
}

/// `scheme://host[:port]` of a URL.
fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let (_, rest) = url.split_at(after_scheme);
    let host = rest.find('/').unwrap_or(rest.len());
    url.split_at(after_scheme + host).0
}

/// Makes a browser's subscription, with an endpoint under an origin.
pub(crate) fn subscribe(books: &mut Books, origin: &str, is_dead: bool) -> Option<Subscription> {
    let name = books.next_id();
    let name = if is_dead { format!("invalid-{name}") } else { name };
    let endpoint = format!("{}/sub/{name}", origin.trim_end_matches('/'));
    let draw =
        |_| DeviceKeys::from_private(&rand::random::<[u8; PRIVATE_KEY_BYTES]>(), rand::random::<[u8; AUTH_BYTES]>());
    let keys = (0..KEYS_TRIED).map(draw).find_map(Result::ok)?;
    let subscription = Subscription { endpoint: endpoint.clone(), keys: keys.subscription_keys() };
    books.subscriptions.put(name, Subscriber { keys, endpoint, is_dead });
    Some(subscription)
}
