//! Version 1 of the envelopes.

mod event;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use homing_domain::{BusEvent, Upstream};
use serde::{Deserialize, Serialize};

pub use event::{AlertData, BusEnvelope, BusItem, MessageCompletedData, PresenceData, UpstreamData};

/// The version that this module writes.
pub const VERSION: u32 = 1;

/// An event, ready for a bus or a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusMessage {
    /// Its `type`: on EventBridge the detail-type.
    pub kind: &'static str,
    /// The envelope: UTF-8, only characters that SQS and EventBridge take, below 32 KiB.
    pub json: Bytes,
    /// Its `id`: the same for a repeat of the same event, unique among those of its `type`.
    pub id: String,
}

/// Why a body is no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusDecodeError {
    /// Not JSON, or a field is missing or of the wrong form.
    #[error("not an event of version {VERSION}: {0}")]
    Malformed(String),
    /// Written by a later version of Homing.
    #[error("version {0} is not known")]
    Version(u32),
}

/// What the bus gets to know of an event.
#[must_use]
pub fn encode(event: &BusEvent) -> BusMessage {
    to_message(&BusEnvelope::of_event(event))
}

/// What a business queue or the bus gets of a device's message. The id is `device:number`.
#[must_use]
pub fn encode_upstream(upstream: &Upstream) -> BusMessage {
    to_message(&BusEnvelope::of_upstream(upstream))
}

/// Reads an envelope, as a business system would.
///
/// # Errors
/// [`BusDecodeError`]
pub fn decode(body: &[u8]) -> Result<BusEnvelope, BusDecodeError> {
    #[derive(Deserialize)]
    struct Head {
        v: u32,
    }
    let malformed = |error: serde_json::Error| BusDecodeError::Malformed(error.to_string());
    // Read on its own, so that an unknown version is named as such and not as a missing field.
    let head: Head = serde_json::from_slice(body).map_err(malformed)?;
    if head.v == VERSION {
        serde_json::from_slice(body).map_err(malformed)
    } else {
        Err(BusDecodeError::Version(head.v))
    }
}

fn to_message(envelope: &BusEnvelope) -> BusMessage {
    BusMessage { kind: envelope.item.kind(), json: to_json(envelope), id: envelope.id.clone() }
}

/// JSON that SQS takes: it refuses U+FFFE and U+FFFF, which may stand only inside strings, so they can be escaped there.
fn to_json(value: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(value).expect("the shapes have string keys and no failing parts");
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff").into()
    } else {
        json.into()
    }
}
