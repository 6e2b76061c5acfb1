//! How a vendor is asked.

use std::ops::RangeInclusive;

use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_domain::{ChannelPolicy, Millis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Checked, Violations, pointer};

/// Tries of one message at one device: with the default waits 20 tries are a quarter of an hour.
const ATTEMPTS: RangeInclusive<u64> = 1..=20;
/// First wait, in milliseconds: below a tenth of a second it is no wait, above a minute nobody meant it.
const BASE: RangeInclusive<u64> = 100..=60_000;
/// Requests a second: the largest vendor gives its largest apps far less.
const PER_SECOND: RangeInclusive<u64> = 1..=1_000_000;
/// Requests at once.
const BURST: RangeInclusive<u64> = 1..=1_000_000;

/// How a vendor is to be asked, as a whole: what is left out is as if it had never been set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ChannelPolicyRequest {
    /// Tries until a message is given up for a device; 8 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    pub max_attempts: Option<u32>,
    /// Wait before the second try, in milliseconds; each further one doubles it. 1,000 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 60_000)]
    pub base_ms: Option<u64>,
    /// Longest wait, in milliseconds, not below `base_ms`; 60,000 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 900_000)]
    pub max_ms: Option<u64>,
    /// Requests a second; what the vendor gives an app of which nothing else is known, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_second: Option<u32>,
    /// Requests at once after a pause; one second's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub burst: Option<u32>,
    /// Devices in one request; the vendor's most when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000)]
    pub batch_size: Option<u16>,
    /// Whether a request whose answer was lost is repeated although the vendor would bring it twice; no when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_unanswered: Option<bool>,
}

only_objects!(ChannelPolicyRequest);

impl ChannelPolicyRequest {
    /// The policy. `batch_max` is the most devices that the vendor takes in one request.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self, batch_max: usize) -> Checked<ChannelPolicy> {
        let default = ChannelPolicy::default();
        let mut wrong = Violations::default();
        let base = self.base_ms.unwrap_or(default.base);
        let max = self.max_ms.unwrap_or_else(|| default.max.max(base));
        wrong.take(within(self.max_attempts.map(u64::from), &ATTEMPTS, "max_attempts"));
        wrong.take(within(self.base_ms, &BASE, "base_ms"));
        wrong.take(within(Some(max), &(base.min(QUEUE_DELAY_MAX)..=QUEUE_DELAY_MAX), "max_ms"));
        wrong.take(within(self.per_second.map(u64::from), &PER_SECOND, "per_second"));
        wrong.take(within(self.burst.map(u64::from), &BURST, "burst"));
        wrong.take(within(self.batch_size.map(u64::from), &(1..=batch_max as u64), "batch_size"));
        wrong.or(ChannelPolicy {
            attempts_max: self.max_attempts.unwrap_or(default.attempts_max),
            base,
            max,
            per_second: self.per_second,
            burst: self.burst,
            batch_max: self.batch_size,
            repeats_unanswered: self.repeat_unanswered.unwrap_or(default.repeats_unanswered),
        })
    }
}

fn within(value: Option<u64>, range: &RangeInclusive<u64>, field: &str) -> Checked<()> {
    if value.is_none_or(|value| range.contains(&value)) {
        return Ok(());
    }
    let message = format!("must lie between {} and {}", range.start(), range.end());
    Err(Violations::one("out_of_range", pointer("", field), message))
}

/// How a vendor is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelPolicyView {
    /// Tries until a message is given up for a device.
    pub max_attempts: u32,
    /// Wait before the second try, in milliseconds; each further one doubles it.
    pub base_ms: Millis,
    /// Longest wait, in milliseconds.
    pub max_ms: Millis,
    /// Requests a second; none = what the vendor gives an app of which nothing else is known.
    pub per_second: Option<u32>,
    /// Requests at once after a pause; none = one second's.
    pub burst: Option<u32>,
    /// Devices in one request; none = the vendor's most.
    pub batch_size: Option<u16>,
    /// Whether a request whose answer was lost is repeated although the vendor would bring it twice.
    pub repeat_unanswered: bool,
}

impl From<ChannelPolicy> for ChannelPolicyView {
    fn from(policy: ChannelPolicy) -> Self {
        Self {
            max_attempts: policy.attempts_max,
            base_ms: policy.base,
            max_ms: policy.max,
            per_second: policy.per_second,
            burst: policy.burst,
            batch_size: policy.batch_max,
            repeat_unanswered: policy.repeats_unanswered,
        }
    }
}

impl From<ChannelPolicyView> for ChannelPolicyRequest {
    /// To change one value and leave the others as they are.
    fn from(view: ChannelPolicyView) -> Self {
        Self {
            max_attempts: Some(view.max_attempts),
            base_ms: Some(view.base_ms),
            max_ms: Some(view.max_ms),
            per_second: view.per_second,
            burst: view.burst,
            batch_size: view.batch_size,
            repeat_unanswered: Some(view.repeat_unanswered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> Vec<String> {
        let request: ChannelPolicyRequest = serde_json::from_str(json).unwrap();
        let violations = request.check(100).err().map(Violations::into_vec).unwrap_or_default();
        violations.into_iter().map(|violation| format!("{} {}", violation.pointer, violation.message)).collect()
    }

    #[test]
    fn nothing_said_is_the_default_and_a_view_says_the_same_again() {
        assert_eq!(ChannelPolicyRequest::default().check(1), Ok(ChannelPolicy::default()));
        let policy = ChannelPolicy {
            per_second: Some(7),
            batch_max: Some(9),
            repeats_unanswered: true,
            ..ChannelPolicy::default()
        };
        let again: ChannelPolicyRequest = ChannelPolicyView::from(policy).into();
        assert_eq!(again.check(100), Ok(policy));
        assert_eq!(ChannelPolicyRequest { base_ms: Some(60_000), ..again }.check(100).unwrap().max, 60_000);
    }

    #[test]
    fn every_value_has_its_range() {
        let json =
            r#"{"max_attempts": 0, "base_ms": 99, "max_ms": 900001, "per_second": 0, "burst": 0, "batch_size": 101}"#;
        let expected = [
            "/max_attempts must lie between 1 and 20",
            "/base_ms must lie between 100 and 60000",
            "/max_ms must lie between 99 and 900000",
            "/per_second must lie between 1 and 1000000",
            "/burst must lie between 1 and 1000000",
            "/batch_size must lie between 1 and 100",
        ];
        assert_eq!(wrong(json), expected);
        assert_eq!(wrong(r#"{"base_ms": 5000, "max_ms": 4999}"#), ["/max_ms must lie between 5000 and 900000"]);
        assert!(serde_json::from_str::<ChannelPolicyRequest>(r#"{"per_minute": 1}"#).is_err());
    }
}
