//! A message becomes a request.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing_domain::{Millis, Priority};
use homing_web_push::{PRIVATE_KEY_BYTES, SALT_BYTES, Subscription, encrypt, public_of_private, vapid};
use http::header::{AUTHORIZATION, CONTENT_ENCODING};
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::client_credentials::authorization;
use crate::json_answer::post;
use crate::one_request::OneRequest;
use crate::webpush::credential::Credential;
use crate::webpush::decode;
use crate::webpush::endpoint::endpoint;
use crate::webpush::message::plaintext;
use crate::{EncodeError, Push, Recipients, Surroundings};

/// How long a signature holds. Services take 24 hours at most (RFC 8292 section 2); half of it forgives a wrong clock.
const SIGNATURE_HOLDS_FOR: Millis = 12 * 3_600_000;
/// Longest `Topic` (RFC 8030 section 5.4).
const TOPIC_MAX_BYTES: usize = 32;
/// Bytes of a digest whose base64url just fits a topic.
const TOPIC_DIGEST_BYTES: usize = 24;
const OCTETS: &str = "application/octet-stream";

/// A message for one subscription.
pub(super) fn push(credential: &Credential, around: &Surroundings<'_>, push: &Push) -> Result<OneRequest, EncodeError> {
    let Recipients::Tokens(tokens) = &push.to else {
        return Err(EncodeError::Unsupported("recipients but subscriptions"));
    };
    let [token] = tokens.as_slice() else {
        return Err(EncodeError::Misused("Web Push takes one subscription in a request"));
    };
    let subscription = Subscription::parse(&token.text).map_err(|error| EncodeError::Refused(error.to_string()))?;
    let endpoint = endpoint(&subscription.endpoint, around.origins)?;
    let content = &push.content;

    let (ephemeral, salt) = draw(&around.random);
    let body = encrypt(&plaintext(content)?, &subscription.keys, &ephemeral, salt)
        .map_err(|error| EncodeError::Refused(error.to_string()))?;
    let expires_at = around.now.plus(SIGNATURE_HOLDS_FOR).0 / 1_000;
    let signature = vapid::sign(&credential.private_key, &endpoint.audience, &credential.subject, expires_at)
        .map_err(|_| EncodeError::Misused("the key of Web Push cannot sign"))?;

    let mut request = post(endpoint.target, OCTETS, body);
    let headers = request.http.headers_mut();
    headers.insert(AUTHORIZATION, authorization(&signature)?);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
    headers.insert(HeaderName::from_static("ttl"), HeaderValue::from(content.time_to_live.div_ceil(1_000)));
    headers.insert(HeaderName::from_static("urgency"), HeaderValue::from_static(urgency(content.priority)));
    if let Some(key) = &content.collapse_key {
        let topic = HeaderValue::from_str(&topic(key)).map_err(|_| EncodeError::Misused("a topic is no header"))?;
        headers.insert(HeaderName::from_static("topic"), topic);
    }
    Ok(OneRequest { request, targets: vec![token.text.clone()], read: decode::read })
}

/// The key and the salt of this message alone.
fn draw(random: &[u8; 64]) -> (Zeroizing<[u8; PRIVATE_KEY_BYTES]>, [u8; SALT_BYTES]) {
    let (mut key, mut salt) = (Zeroizing::new([0; PRIVATE_KEY_BYTES]), [0; SALT_BYTES]);
    let bytes = &mut random.iter().copied();
    key.iter_mut().chain(&mut salt).zip(bytes).for_each(|(to, from)| *to = from);
    if public_of_private(&key).is_err() {
        // One of 2³² is too large for P-256: halved, it is not, and as random as before.
        if let Some(first) = key.first_mut() {
            *first &= 0x7f;
        }
    }
    (key, salt)
}

const fn urgency(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    }
}

/// The key itself where it can be a topic, else its digest: the same key gives the same topic.
fn topic(key: &str) -> String {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.len() <= TOPIC_MAX_BYTES && key.bytes().all(allowed) {
        return key.to_owned();
    }
    let digest = digest(&SHA256, key.as_bytes());
    let (short, _) = digest.as_ref().split_at(TOPIC_DIGEST_BYTES);
    URL_SAFE_NO_PAD.encode(short)
}
