//! Collects what a callback says, within limits: whoever knows the URL may send anything.

use serde_json::Value;

use crate::callback::{CallbackError, CallbackEvent, CallbackEventKind};
use crate::json_answer::text;

/// Events of one callback. Vendors send some thousand at most (a list has 1,000 devices); many short tokens beside one long
/// text must not become many copies of it.
const EVENTS_MAX: usize = 20_000;
/// Longest message id of ours that comes back; ours have 32 bytes.
const MESSAGE_ID_MAX_BYTES: usize = 64;
/// Longest id or code of a vendor's; they have some ten.
const VENDOR_TEXT_MAX_BYTES: usize = 128;
/// Longest token that a device may register; those of these vendors have 23 to 64 bytes.
const TOKEN_MAX_BYTES: usize = 1_024;

/// What one entry of a callback says of all its tokens.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Our id.
    pub(crate) message_id: Option<String>,
    /// The vendor's.
    pub(crate) vendor_id: Option<String>,
    /// What happened.
    pub(crate) kind: CallbackEventKind,
    /// When.
    pub(crate) at: Option<homing_domain::UnixMillis>,
    /// The vendor's own code.
    pub(crate) reason: String,
}

/// The events so far.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<CallbackEvent>);

impl Events {
    /// Adds an event for each token; empty and impossible ones are skipped.
    pub(crate) fn add<'a>(
        &mut self,
        entry: &Entry,
        tokens: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), CallbackError> {
        let possible = |token: &&str| !token.is_empty() && token.len() <= TOKEN_MAX_BYTES;
        for token in tokens.into_iter().map(str::trim).filter(possible) {
            if self.0.len() == EVENTS_MAX {
                return Err(CallbackError::Malformed(format!("more than {EVENTS_MAX} events")));
            }
            self.0.push(CallbackEvent {
                message_id: entry.message_id.clone(),
                vendor_id: entry.vendor_id.clone(),
                token: token.to_owned(),
                kind: entry.kind,
                at: entry.at,
                reason: entry.reason.clone(),
            });
        }
        Ok(())
    }

    /// All of them.
    pub(crate) fn into_vec(self) -> Vec<CallbackEvent> {
        self.0
    }
}

/// Our id, if it can be one.
pub(crate) fn message_id(value: Option<&Value>) -> Option<String> {
    text(value).filter(|text| text.len() <= MESSAGE_ID_MAX_BYTES)
}

/// An id or a code of the vendor's, unless it is too long to be one.
pub(crate) fn vendor_text(value: Option<&Value>) -> Option<String> {
    text(value).filter(|text| text.len() <= VENDOR_TEXT_MAX_BYTES)
}

/// Milliseconds since 1970, as a number or its digits.
pub(crate) fn moment(value: Option<&Value>) -> Option<homing_domain::UnixMillis> {
    text(value)?.parse().ok().map(homing_domain::UnixMillis)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_callback_has_its_limits() {
        let entry = Entry {
            message_id: message_id(Some(&json!("m"))),
            vendor_id: vendor_text(Some(&json!("v".repeat(VENDOR_TEXT_MAX_BYTES + 1)))),
            kind: CallbackEventKind::Delivered,
            at: moment(Some(&json!("1767225600500"))),
            reason: String::new(),
        };
        assert_eq!((entry.vendor_id.as_deref(), entry.at.map(|at| at.0)), (None, Some(1_767_225_600_500)));
        assert_eq!(message_id(Some(&json!("m".repeat(MESSAGE_ID_MAX_BYTES + 1)))), None);
        assert_eq!(moment(Some(&json!(-1))), None);
        let mut events = Events::default();
        let long = "t".repeat(TOKEN_MAX_BYTES + 1);
        events.add(&entry, ["a", "", " b", &long]).unwrap();
        events.add(&entry, vec!["c"; EVENTS_MAX - 2]).unwrap();
        assert!(matches!(events.add(&entry, ["d"]), Err(CallbackError::Malformed(_))));
        let events = events.into_vec();
        assert_eq!((&*events[0].token, &*events[1].token, events.len()), ("a", "b", EVENTS_MAX));
    }
}
