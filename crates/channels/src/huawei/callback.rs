//! A receipt becomes events (push-api-msg-receipt, https-send-receipt-api).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use homing_domain::{Millis, UnixMillis};
use serde_json::{Map, Value};

use super::credential::{CallbackKey, Credential};
use crate::events::{Entry, Events, message_id, moment, vendor_text};
use crate::{Callback, CallbackError, CallbackEvent, CallbackEventKind};

/// The header that signs a receipt.
const SIGNATURE: &str = "x-huawei-callback-id";
/// How far a signature's time may lie from ours. It does not cover the body, so whoever saw one could send others with it: not
/// for long. Enough for clocks that differ and for a repeat; the same receipt twice counts once.
const SIGNATURE_AGE_MAX: Millis = 15 * 60 * 1_000;

pub(super) fn read(
    credential: &Credential,
    callback: Callback<'_>,
    now: UnixMillis,
) -> Result<Vec<CallbackEvent>, CallbackError> {
    if let Some(key) = &credential.callback {
        let header = callback.headers.get(SIGNATURE).and_then(|header| header.to_str().ok());
        if !header.is_some_and(|header| is_signed(key, header, now)) {
            return Err(CallbackError::Unauthorized);
        }
    }
    let malformed = || CallbackError::Malformed("must be a JSON object with a list \"statuses\"".to_owned());
    let body: Map<String, Value> = serde_json::from_slice(callback.body).map_err(|_| malformed())?;
    let mut events = Events::default();
    for status in body.get("statuses").and_then(Value::as_array).ok_or_else(malformed)? {
        if let Some((entry, token)) = event(status) {
            events.add(&entry, [token])?;
        }
    }
    Ok(events.into_vec())
}

/// `timestamp=<ms>; nonce=<uuid>; value=<Base64 of HMAC-SHA256 over timestamp, nonce and user name>`.
fn is_signed(key: &CallbackKey, header: &str, now: UnixMillis) -> bool {
    let part = |name: &str| {
        let pairs = header.split(';').filter_map(|part| part.trim().split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let (Some(timestamp), Some(nonce), Some(value)) = (part("timestamp"), part("nonce"), part("value")) else {
        return false;
    };
    let Ok(at) = timestamp.parse().map(UnixMillis) else { return false };
    let Ok(value) = STANDARD.decode(value) else { return false };
    let signed = format!("{timestamp}{nonce}{}", key.user);
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, key.secret.expose().as_bytes());
    // In constant time.
    let is_right = hmac::verify(&hmac_key, signed.as_bytes(), &value).is_ok();
    is_right && now.since(at) <= SIGNATURE_AGE_MAX && at.since(now) <= SIGNATURE_AGE_MAX
}

/// One of both shapes: the newer has `deliveryStatus` around its result. What became of a HarmonyOS card is nothing of ours.
fn event(status: &Value) -> Option<(Entry, &str)> {
    let token = status.get("token")?.as_str()?;
    let (result, at) = match status.get("deliveryStatus") {
        Some(delivery) => (delivery.get("result"), delivery.get("timestamp")),
        None => (status.get("status"), status.get("timestamp")),
    };
    let reason = vendor_text(result)?;
    let kind = match reason.as_str() {
        "0" => CallbackEventKind::Delivered,
        // The app is not there, or has another token.
        "2" | "5" => CallbackEventKind::InvalidToken,
        // Kept until the app runs: another receipt follows.
        "27" => return None,
        // Notifications off, inactive, overwritten, over a limit and the like: the token is good.
        _ => CallbackEventKind::Dropped,
    };
    let entry = Entry {
        message_id: message_id(status.get("biTag")),
        vendor_id: vendor_text(status.get("requestId")),
        kind,
        at: moment(at),
        reason,
    };
    Some((entry, token))
}
