//! How a message is to be delivered.

use homing_domain::limits::{COLLAPSE_KEY_MAX_BYTES, TTL_DEFAULT_SECONDS, TTL_MAX_SECONDS};
use homing_domain::{Options, Priority};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::line;
use crate::http::{Checked, Violations, pointer};

/// How long a live device has to acknowledge before a vendor is asked; the only value so far.
const FALLBACK_AFTER_DEFAULT_SECONDS: i64 = 10;

/// How a message is to be delivered. Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct OptionsRequest {
    /// How long it is worth delivering; 0 = now or never; 3 days when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2_419_200, example = 259_200)]
    pub ttl_seconds: Option<i64>,
    /// How urgent it is; `normal` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<PriorityName>,
    /// Of several waiting messages with one key a device gets only the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, min_length = 1)]
    pub collapse_key: Option<String>,
    /// By which way. Only the default, `online_first`, is supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryName>,
    /// Not supported yet, except for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 10, maximum = 10)]
    pub fallback_after_seconds: Option<i64>,
    /// Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<i64>,
}

only_objects!(OptionsRequest);

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriorityName {
    /// May wait for a better moment.
    Low,
    /// The default.
    Normal,
    /// A person waits for it.
    High,
}

impl From<PriorityName> for Priority {
    fn from(name: PriorityName) -> Self {
        match name {
            PriorityName::Low => Self::Low,
            PriorityName::Normal => Self::Normal,
            PriorityName::High => Self::High,
        }
    }
}

impl From<Priority> for PriorityName {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

/// By which way a device is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryName {
    /// The own link while the device is online, else its vendor, else its mailbox.
    OnlineFirst,
    /// Only the own link.
    OwnOnly,
    /// Only the vendor.
    VendorOnly,
    /// The own link, and the vendor when it is not acknowledged in time.
    Fallback,
}

impl OptionsRequest {
    pub(super) fn check(self, at: &str) -> Checked<Options> {
        let mut wrong = Violations::default();
        let ttl_seconds = match self.ttl_seconds.map(u32::try_from) {
            None => TTL_DEFAULT_SECONDS,
            Some(Ok(seconds)) if seconds <= TTL_MAX_SECONDS => seconds,
            Some(_) => {
                let message = format!("must lie between 0 and {TTL_MAX_SECONDS}");
                wrong.add("out_of_range", pointer(at, "ttl_seconds"), message);
                TTL_DEFAULT_SECONDS
            }
        };
        if let Some(key) = &self.collapse_key {
            wrong.take(line(key, COLLAPSE_KEY_MAX_BYTES, &pointer(at, "collapse_key")));
        }
        if self.delivery.is_some_and(|way| way != DeliveryName::OnlineFirst) {
            wrong.add("not_supported_yet", pointer(at, "delivery"), "only online_first is supported yet");
        }
        if self.fallback_after_seconds.is_some_and(|seconds| seconds != FALLBACK_AFTER_DEFAULT_SECONDS) {
            let message = format!("only the default of {FALLBACK_AFTER_DEFAULT_SECONDS} is supported yet");
            wrong.add("not_supported_yet", pointer(at, "fallback_after_seconds"), message);
        }
        if self.rate_per_second.is_some() {
            wrong.add("not_supported_yet", pointer(at, "rate_per_second"), "a rate is not supported yet");
        }
        let priority = self.priority.map_or_else(Priority::default, Priority::from);
        wrong.or(Options { ttl_seconds, priority, collapse_key: self.collapse_key, ..Options::default() })
    }
}
