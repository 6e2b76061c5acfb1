//! How a message is to be delivered.

use std::ops::RangeInclusive;

use homing_domain::limits::{
    COLLAPSE_KEY_MAX_BYTES, FALLBACK_DEFAULT, FALLBACK_MAX, RATE_MAX_PER_SECOND, TOPIC_MAX_BYTES, TTL_DEFAULT_SECONDS,
    TTL_MAX_SECONDS,
};
use homing_domain::{DeliveryPolicy, Millis, Options, Priority, QuietHoursPolicy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::optional_line;
use crate::http::{Checked, Violations, pointer};

/// Longest time that a device may be given to acknowledge.
const FALLBACK_AFTER_MAX_SECONDS: u32 = (FALLBACK_MAX / 1_000) as u32;

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
    /// By which way; `online_first` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryName>,
    /// How long a device has to acknowledge before its vendor is asked; 10 when left out. For `online_first` and `fallback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 900, example = 10)]
    pub fallback_after_seconds: Option<i64>,
    /// At most so many devices a second; as fast as it goes when left out. It can be changed while the message runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub rate_per_second: Option<i64>,
    /// What it is about: devices that opted out of this topic do not get it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, min_length = 1, example = "offers")]
    pub topic: Option<String>,
    /// What it does when it meets a device's quiet hours; `hold` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHoursName>,
    /// Opened or dismissed on one of a user's devices, it is taken back from the user's others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_read: Option<bool>,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryName {
    /// The own link while the device is online, and its vendor if it does not acknowledge in time; its vendor at once while it is
    /// not; without a vendor, its mailbox. The default.
    #[default]
    OnlineFirst,
    /// The own link and the mailbox, and no vendor.
    OwnOnly,
    /// Only the vendor.
    VendorOnly,
    /// The own link or the mailbox, and the vendor if the device does not acknowledge in time, online or not.
    Fallback,
}

impl From<DeliveryPolicy> for DeliveryName {
    fn from(policy: DeliveryPolicy) -> Self {
        match policy {
            DeliveryPolicy::OnlineFirst { .. } => Self::OnlineFirst,
            DeliveryPolicy::OwnOnly => Self::OwnOnly,
            DeliveryPolicy::VendorOnly => Self::VendorOnly,
            DeliveryPolicy::Fallback { .. } => Self::Fallback,
        }
    }
}

/// What a message does when it meets quiet hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuietHoursName {
    /// It waits until they are over, or expires.
    Hold,
    /// The device does not get it.
    Drop,
    /// It is delivered all the same.
    Ignore,
}

impl From<QuietHoursName> for QuietHoursPolicy {
    fn from(name: QuietHoursName) -> Self {
        match name {
            QuietHoursName::Hold => Self::Hold,
            QuietHoursName::Drop => Self::Drop,
            QuietHoursName::Ignore => Self::Ignore,
        }
    }
}

impl OptionsRequest {
    pub(super) fn check(self, at: &str) -> Checked<Options> {
        let mut wrong = Violations::default();
        let ttl_seconds =
            self.ttl_seconds.map(|seconds| within(seconds, 0..=TTL_MAX_SECONDS, &pointer(at, "ttl_seconds")));
        let ttl_seconds = wrong.take(ttl_seconds.unwrap_or(Ok(TTL_DEFAULT_SECONDS)));
        let rate =
            self.rate_per_second.map(|rate| within(rate, 1..=RATE_MAX_PER_SECOND, &pointer(at, "rate_per_second")));
        let rate_per_second = wrong.take(rate.transpose()).flatten();
        wrong.take(optional_line(self.collapse_key.as_ref(), COLLAPSE_KEY_MAX_BYTES, &pointer(at, "collapse_key")));
        wrong.take(optional_line(self.topic.as_ref(), TOPIC_MAX_BYTES, &pointer(at, "topic")));
        let delivery = wrong.take(self.delivery_policy(at));
        wrong.or(Options {
            ttl_seconds: ttl_seconds.unwrap_or(TTL_DEFAULT_SECONDS),
            priority: self.priority.map_or_else(Priority::default, Priority::from),
            collapse_key: self.collapse_key,
            rate_per_second,
            topic: self.topic,
            quiet_hours: self.quiet_hours.map_or_else(QuietHoursPolicy::default, QuietHoursPolicy::from),
            // What it shows is not said here.
            silent: false,
            sync_read: self.sync_read.unwrap_or(false),
            delivery: delivery.unwrap_or_default(),
        })
    }

    fn delivery_policy(&self, at: &str) -> Checked<DeliveryPolicy> {
        let at = pointer(at, "fallback_after_seconds");
        let after = match self.fallback_after_seconds {
            Some(seconds) => Millis::from(within(seconds, 1..=FALLBACK_AFTER_MAX_SECONDS, &at)?) * 1_000,
            None => FALLBACK_DEFAULT,
        };
        let policy = match self.delivery.unwrap_or_default() {
            DeliveryName::OnlineFirst => DeliveryPolicy::OnlineFirst { fallback_after: after },
            DeliveryName::Fallback => DeliveryPolicy::Fallback { fallback_after: after },
            DeliveryName::OwnOnly => DeliveryPolicy::OwnOnly,
            DeliveryName::VendorOnly => DeliveryPolicy::VendorOnly,
        };
        if self.fallback_after_seconds.is_some() && fallback_seconds(policy).is_none() {
            return Err(Violations::one("not_applicable", at, "this delivery has no fallback"));
        }
        Ok(policy)
    }
}

/// How long a device has to acknowledge before its vendor is asked; `None` = this delivery has no such time.
pub(super) fn fallback_seconds(policy: DeliveryPolicy) -> Option<Millis> {
    match policy {
        DeliveryPolicy::OnlineFirst { fallback_after } | DeliveryPolicy::Fallback { fallback_after } => {
            Some(fallback_after / 1_000)
        }
        DeliveryPolicy::OwnOnly | DeliveryPolicy::VendorOnly => None,
    }
}

fn within(number: i64, range: RangeInclusive<u32>, at: &str) -> Checked<u32> {
    u32::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let message = format!("must lie between {} and {}", range.start(), range.end());
        Violations::one("out_of_range", at, message)
    })
}
