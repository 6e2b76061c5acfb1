//! What a request is judged with beside the file's words.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing_domain::{Channel, UnixMillis};
use homing_web_push::{DeviceKeys, PRIVATE_KEY_BYTES};
use serde_json::{Map, Value};

use crate::keys::Keys;

/// The server's side of the secrets.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) channel: Channel,
    pub(crate) keys: &'a Keys,
    pub(crate) credentials: &'a Map<String, Value>,
    pub(crate) now: UnixMillis,
    /// Of the subscription that the message is for.
    pub(crate) device: Option<&'a DeviceKeys>,
}

/// The private keys that a file shows somewhere (an example of a standard has them), for the subscription whose public half is
/// this one.
pub(crate) fn device_keys(entries: &[Value], p256dh: &str, auth: &str) -> Option<DeviceKeys> {
    let auth = URL_SAFE_NO_PAD.decode(auth).ok()?.try_into().ok()?;
    let mut shown = Vec::new();
    for entry in entries {
        texts(entry, &mut shown);
    }
    shown.iter().find_map(|text| {
        let private: [u8; PRIVATE_KEY_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let keys = DeviceKeys::from_private(&private, auth).ok()?;
        (URL_SAFE_NO_PAD.encode(keys.public()) == p256dh).then_some(keys)
    })
}

fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(all) => all.iter().for_each(|one| texts(one, found)),
        Value::Object(all) => all.values().for_each(|one| texts(one, found)),
        _ => {}
    }
}
