//! `GET /v1/upstream`.

use homing_domain::Upstream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::to_timestamp;

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayloadEncoding {
    /// As it is.
    Utf8,
    /// Base64 with padding, because it is not UTF-8.
    Base64,
}

impl PayloadEncoding {
    /// A payload as text, and how it is written: as it is wherever it is UTF-8.
    #[must_use]
    pub fn write(payload: &[u8]) -> (String, Self) {
        use base64::Engine as _;
        match std::str::from_utf8(payload) {
            Ok(text) => (text.to_owned(), Self::Utf8),
            Err(_) => (base64::engine::general_purpose::STANDARD.encode(payload), Self::Base64),
        }
    }
}

/// A message from a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpstreamView {
    /// Its place in the app's list.
    pub position: u64,
    /// From which device.
    #[schema(format = Uuid)]
    pub device_id: String,
    /// The device's own number of it.
    pub id: u64,
    /// What it is about.
    pub topic: String,
    /// What it says.
    pub payload: String,
    /// How the payload is written.
    pub encoding: PayloadEncoding,
    /// When it arrived.
    pub received_at: Timestamp,
}

impl UpstreamView {
    /// The view of a message from a device.
    #[must_use]
    pub fn new(position: u64, upstream: &Upstream) -> Self {
        let (payload, encoding) = PayloadEncoding::write(&upstream.payload);
        Self {
            position,
            device_id: upstream.device.to_string(),
            id: upstream.id,
            topic: upstream.topic.clone(),
            payload,
            encoding,
            received_at: to_timestamp(upstream.received_at),
        }
    }
}

/// A page of messages from devices, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpstreamList {
    /// The messages.
    pub messages: Vec<UpstreamView>,
    /// What to ask for next as `after`; the same as before when there was nothing new.
    pub next_after: u64,
}
