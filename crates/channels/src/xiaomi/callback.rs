//! A receipt becomes events (pId 1558).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::events::{Entry, Events, message_id, moment, vendor_text};
use crate::{Callback, CallbackError, CallbackEvent, CallbackEventKind};

/// The one field of the form: JSON, what became of messages by Xiaomi's ids.
const DATA: &[u8] = b"data";

pub(super) fn read(callback: Callback<'_>) -> Result<Vec<CallbackEvent>, CallbackError> {
    let malformed = || CallbackError::Malformed("must be a form whose field \"data\" is a JSON object".to_owned());
    let data = form_urlencoded::parse(callback.body).find(|(name, _)| name.as_bytes() == DATA).ok_or_else(malformed)?.1;
    let messages: Map<String, Value> = serde_json::from_str(&data).map_err(|_| malformed())?;
    let mut events = Events::default();
    for (vendor_id, message) in &messages {
        add(&mut events, vendor_id, message)?;
    }
    Ok(events.into_vec())
}

fn add(events: &mut Events, vendor_id: &str, message: &Value) -> Result<(), CallbackError> {
    let Some(reason) = vendor_text(message.get("type")) else { return Ok(()) };
    let kind = match reason.as_str() {
        "1" => CallbackEventKind::Delivered,
        "2" => CallbackEventKind::Opened,
        "16" => CallbackEventKind::InvalidToken,
        // 32: notifications off. 64: no filter matched. 128: over the day's quota. 1024: expired.
        _ => CallbackEventKind::Dropped,
    };
    let mut entry = Entry {
        message_id: message_id(message.get("param")),
        vendor_id: vendor_text(Some(&vendor_id.into())),
        kind,
        at: moment(message.get("timestamp")),
        reason,
    };
    let targets = message.get("targets").and_then(Value::as_str).unwrap_or_default();
    events.add(&entry, targets.split(','))?;
    // A token that another took the place of is dead, whatever became of the message.
    let Some(replaced) = message.get("replaceTarget").and_then(Value::as_object) else { return Ok(()) };
    let told: BTreeSet<&str> = match kind {
        CallbackEventKind::InvalidToken => targets.split(',').map(str::trim).collect(),
        _ => BTreeSet::new(),
    };
    entry.kind = CallbackEventKind::InvalidToken;
    "replaceTarget".clone_into(&mut entry.reason);
    events.add(&entry, replaced.keys().map(String::as_str).filter(|old| !told.contains(old)))
}
