//! A receipt becomes events: a form with a map by message and type, each entry for the ids of devices of one. Each is sent
//! once.

use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use super::Credential;
use crate::events::{Entry, Events, message_id, vendor_text};
use crate::{CallbackError, CallbackEvent, CallbackEventKind};

/// Reads the fields `cb` = `{"<msgId>-<type>": {"param", "type", "targets": ["a", "b"]}}` and `access_token`.
pub(super) fn read(credential: &Credential, body: &[u8]) -> Result<Vec<CallbackEvent>, CallbackError> {
    let field = |wanted: &str| form_urlencoded::parse(body).find(|(name, _)| name == wanted).map(|(_, value)| value);
    if let Some(expected) = &credential.callback_access_token {
        let presented = field("access_token").unwrap_or_default();
        if !bool::from(presented.as_bytes().ct_eq(expected.expose().as_bytes())) {
            return Err(CallbackError::Unauthorized);
        }
    }
    let malformed = |why: &str| CallbackError::Malformed(why.into());
    let messages = field("cb").ok_or_else(|| malformed("the field cb is missing"))?;
    let messages: Map<String, Value> =
        serde_json::from_str(&messages).map_err(|_| malformed("cb must be a JSON object"))?;
    let mut events = Events::default();
    for (key, entry) in &messages {
        // The vendor's id has hyphens of its own.
        let (vendor_id, of_key) = key.rsplit_once('-').unwrap_or((key, ""));
        let reason = vendor_text(entry.get("type")).unwrap_or_else(|| of_key.chars().take(16).collect());
        let Some(kind) = kind(&reason) else { continue };
        let event = Entry {
            message_id: message_id(entry.get("param")),
            vendor_id: vendor_text(Some(&vendor_id.into())),
            kind,
            at: None,
            reason,
        };
        let ids = entry.get("targets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        events.add(&event, ids.iter().filter_map(Value::as_str))?;
    }
    Ok(events.into_vec())
}

/// There are two; what is not known says nothing of a message.
fn kind(of_type: &str) -> Option<CallbackEventKind> {
    match of_type {
        "1" => Some(CallbackEventKind::Delivered),
        "2" => Some(CallbackEventKind::Opened),
        _ => None,
    }
}
