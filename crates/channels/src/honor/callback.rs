//! A receipt becomes events.

use serde_json::{Map, Value};

use crate::events::{Entry, Events, message_id, moment, vendor_text};
use crate::{Callback, CallbackError, CallbackEvent, CallbackEventKind};

pub(super) fn read(callback: Callback<'_>) -> Result<Vec<CallbackEvent>, CallbackError> {
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

fn event(status: &Value) -> Option<(Entry, &str)> {
    let token = status.get("token")?.as_str()?;
    let reason = vendor_text(status.get("status"))?;
    let kind = match reason.as_str() {
        // Data, a notification.
        "40000001" | "40000002" => CallbackEventKind::Delivered,
        "40000007" => CallbackEventKind::Opened,
        // The app is not installed, the token is not known.
        "40000003" | "40000004" => CallbackEventKind::InvalidToken,
        // Held while the screen is off: sent again later, and told of again.
        "40000013" => return None,
        // Notifications off, over a limit, kept for a while (50000003), and what is not in the table: the token is good.
        _ => CallbackEventKind::Dropped,
    };
    let entry = Entry {
        message_id: message_id(status.get("biTag")),
        vendor_id: vendor_text(status.get("requestId")),
        kind,
        at: moment(status.get("timestamp")),
        reason,
    };
    Some((entry, token))
}
