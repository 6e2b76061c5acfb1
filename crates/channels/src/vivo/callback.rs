//! A receipt becomes events: a map by task, each for the registration ids of one.

use serde_json::{Map, Value};

use crate::events::{Entry, Events, message_id, moment, vendor_text};
use crate::{CallbackError, CallbackEvent, CallbackEventKind};

/// Reads `{"<taskId>": {"param", "targets": "a,b", "ackTime", "ackType", "subAckType"}}`. Old ones have neither time nor type.
pub(super) fn read(body: &[u8]) -> Result<Vec<CallbackEvent>, CallbackError> {
    let tasks: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| CallbackError::Malformed("must be a JSON object".into()))?;
    let mut events = Events::default();
    for (task_id, task) in tasks {
        let ack_type = vendor_text(task.get("ackType")).unwrap_or_else(|| "0".into());
        let sub = vendor_text(task.get("subAckType"));
        let event = Entry {
            message_id: message_id(task.get("param")),
            vendor_id: vendor_text(Some(&Value::String(task_id))),
            kind: kind(&ack_type, sub.as_deref()),
            at: moment(task.get("ackTime")),
            reason: sub.map_or_else(|| ack_type.clone(), |sub| format!("{ack_type}/{sub}")),
        };
        let ids = task.get("targets").and_then(Value::as_str).unwrap_or_default();
        events.add(&event, ids.split(','))?;
    }
    Ok(events.into_vec())
}

/// There is none for a click. 102 = the id does not match (20001 unsubscribed, 20002 unknown; 20006, long inactive, keeps its
/// token), 104/2183 = the id is not valid any more. All else was held back or not shown.
fn kind(ack_type: &str, sub: Option<&str>) -> CallbackEventKind {
    match (ack_type, sub) {
        ("0", _) => CallbackEventKind::Delivered,
        ("102", Some("20001" | "20002")) | ("104", Some("2183")) => CallbackEventKind::InvalidToken,
        _ => CallbackEventKind::Dropped,
    }
}
