//! `POST /v1/devices/{id}/receipts`.

use homing_domain::limits::RECEIPTS_PER_REQUEST_MAX;
use homing_domain::{Channel, DeviceId, Event, Fact, MessageId, Receipt, UnixMillis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::from_timestamp;
use crate::http::{Checked, Violations, pointer};

/// What a person did with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactName {
    /// It was shown.
    Displayed,
    /// It was opened.
    Opened,
    /// It was swiped away.
    Dismissed,
}

impl From<FactName> for Fact {
    fn from(name: FactName) -> Self {
        match name {
            FactName::Displayed => Self::Displayed,
            FactName::Opened => Self::Opened,
            FactName::Dismissed => Self::Dismissed,
        }
    }
}

/// One thing a person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ReceiptRequest {
    /// With which message.
    #[schema(format = Uuid)]
    pub message_id: String,
    /// What.
    pub kind: FactName,
    /// When; the time of arrival when left out or in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

only_objects!(ReceiptRequest);

/// What people did with messages on one device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ReceiptsRequest {
    /// At most 100; a repeat counts once.
    #[schema(min_items = 1, max_items = 100)]
    pub receipts: Vec<ReceiptRequest>,
}

only_objects!(ReceiptsRequest);

impl ReceiptsRequest {
    /// The receipts of a device.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self, device: DeviceId, now: UnixMillis) -> Checked<Vec<Receipt>> {
        let mut wrong = Violations::default();
        if self.receipts.is_empty() {
            wrong.add("empty", "/receipts", "must hold at least one");
        }
        if self.receipts.len() > RECEIPTS_PER_REQUEST_MAX {
            wrong.add("too_many", "/receipts", format!("must be at most {RECEIPTS_PER_REQUEST_MAX}"));
        }
        let mut receipts = Vec::with_capacity(self.receipts.len());
        for (index, receipt) in self.receipts.into_iter().take(RECEIPTS_PER_REQUEST_MAX).enumerate() {
            match receipt.message_id.parse::<MessageId>() {
                Ok(message) => receipts.push(Receipt {
                    message,
                    device,
                    channel: Channel::Own,
                    at: receipt.at.map_or(now, from_timestamp).min(now),
                    event: Event::Fact(receipt.kind.into()),
                }),
                Err(error) => {
                    let at = pointer(&pointer("/receipts", index), "message_id");
                    wrong.add("invalid_message", at, error.to_string());
                }
            }
        }
        wrong.or(receipts)
    }
}

/// The receipts are durable; counting follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptsAccepted {
    /// How many were taken.
    pub accepted: usize,
    /// How many name messages that the app does not have; they are dropped.
    pub unknown: usize,
}
