//! A receipt becomes events: an array, each entry for the registration ids of one message.

use serde_json::Value;

use crate::events::{Entry, Events, message_id, moment, vendor_text};
use crate::{CallbackError, CallbackEvent, CallbackEventKind};

/// Reads `[{"messageId", "registrationIds": "a,b", "eventTime", "param", "eventType"}]`. Old ones have neither time nor param.
pub(super) fn read(body: &[u8]) -> Result<Vec<CallbackEvent>, CallbackError> {
    let entries: Vec<Value> =
        serde_json::from_slice(body).map_err(|_| CallbackError::Malformed("must be a JSON array".into()))?;
    let mut events = Events::default();
    for entry in &entries {
        let reason = vendor_text(entry.get("eventType")).unwrap_or_else(|| "unknown".into());
        let event = Entry {
            message_id: message_id(entry.get("param")),
            vendor_id: vendor_text(entry.get("messageId")),
            kind: kind(&reason),
            at: moment(entry.get("eventTime")),
            reason,
        };
        let ids = entry.get("registrationIds").and_then(Value::as_str).unwrap_or_default();
        events.add(&event, ids.split(','))?;
    }
    Ok(events.into_vec())
}

/// There is none for a click. What is not known was not shown.
fn kind(event_type: &str) -> CallbackEventKind {
    match event_type {
        "push_arrive" => CallbackEventKind::Delivered,
        "regid_invalid" => CallbackEventKind::InvalidToken,
        _ => CallbackEventKind::Dropped,
    }
}
