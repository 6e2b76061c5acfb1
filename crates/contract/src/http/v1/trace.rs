//! `GET /v1/messages/{id}/trace`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message::StageName;

/// One stop of a message on its way to one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stop {
    /// What happened: `accepted`, `scheduled`, `releasing`, `feed`, `targeted`, `held`, `enqueued`, `sent`, the end's stage,
    /// `displayed`, `opened`, `dismissed`.
    #[schema(example = "enqueued")]
    pub stop: String,
    /// When, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// In words.
    pub detail: String,
}

/// The way of one message to one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceView {
    /// Which message.
    #[schema(format = Uuid)]
    pub message_id: String,
    /// Which device.
    #[schema(format = Uuid)]
    pub device_id: String,
    /// Where it is; none when the message is not for this device (as far as it is enumerated), or goes by the feed of its app,
    /// where single devices are not recorded.
    pub stage: Option<StageName>,
    /// By which way, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Stable name of why it was not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "time_to_live")]
    pub reason: Option<String>,
    /// Why it is where it is, in words.
    pub explanation: String,
    /// Every stop, in the order of time.
    pub stops: Vec<Stop>,
}
