//! Why a message is where it is, in words.

use homing_domain::mailbox::EntryState;
use homing_domain::{Delivery, Stage};

use super::{Known, Subject};

/// One sentence about the whole.
pub(super) fn explanation(subject: Subject<'_>, known: &Known) -> String {
    if let Some(delivery) = known.delivery.as_ref().filter(|delivery| delivery.stage.is_terminal()) {
        return sentence(end(delivery));
    }
    if let Some(entry) = &known.entry {
        return sentence(&match entry.state {
            EntryState::Tombstone(reason) => format!("it will not be delivered: {}", reason.in_words()),
            EntryState::Marked(reason) => {
                format!("it was withdrawn, and the device will say whether it had it already: {}", reason.in_words())
            }
            EntryState::Live if entry.expires_at <= subject.now => {
                "its time to live ran out while it waited for the device; this is recorded when the device comes back, or \
                 an hour after it ran out"
                    .to_owned()
            }
            EntryState::Live if known.is_online => {
                "the device is online and has not acknowledged it yet".to_owned()
            }
            EntryState::Live => "it waits in the device's mailbox; the device is offline".to_owned(),
        });
    }
    sentence(match (known.is_targeted, subject.message.stage) {
        (true, _) => "it is on its way to the device's mailbox, or its end is about to be recorded",
        (false, Stage::Accepted | Stage::Scheduled) => "the enumeration of its devices has not begun yet",
        (false, Stage::Releasing) => "the enumeration of its devices has not come to this one, if it is among them",
        (false, _) => "it is not for this device",
    })
}

/// How a delivery ended.
pub(super) fn end(delivery: &Delivery) -> &'static str {
    match (delivery.reason, delivery.stage) {
        (_, Stage::Delivered) => "the device acknowledged it",
        (Some(reason), _) => reason.in_words(),
        (None, Stage::HandedOff) => "the vendor took it, and gives no delivery receipts",
        (None, Stage::Cancelled) => "the message was cancelled before release",
        (None, _) => "it ended without a reason on record",
    }
}

/// Begins with a capital letter and ends with a full stop.
fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str() + "."
}
