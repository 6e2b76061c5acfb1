//! When a message is to be sent.

use homing_domain::UnixMillis;
use homing_domain::limits::{SCHEDULE_MAX_AHEAD, SCHEDULE_PAST_TOLERANCE};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::from_timestamp;
use crate::http::{Checked, Violations, pointer};

/// Milliseconds of a day, to say a limit in words.
const DAY: u64 = 24 * 3_600_000;

/// When a message is to be sent. It cannot be empty: a time that was lost on the way must not become "at once".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ScheduleRequest {
    /// At this moment, at most 365 days ahead. One that is less than a minute ago means at once. The message's time to live
    /// counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-12-24T18:00:00+08:00")]
    pub at: Option<Timestamp>,
    /// Again and again. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Where the times of `cron` are meant. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// At this time of each device's own day. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_local: Option<String>,
}

only_objects!(ScheduleRequest);

impl ScheduleRequest {
    /// At this moment.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at: Some(at), ..Self::default() }
    }

    pub(super) fn check(self, now: UnixMillis, place: &str) -> Checked<Option<UnixMillis>> {
        let mut wrong = Violations::default();
        for (field, is_given) in [
            ("cron", self.cron.is_some()),
            ("timezone", self.timezone.is_some()),
            ("at_local", self.at_local.is_some()),
        ] {
            if is_given {
                wrong.add("not_supported_yet", pointer(place, field), format!("{field} is not supported yet"));
            }
        }
        let at = self.at.map(from_timestamp);
        match at {
            Some(at) if at < now.minus(SCHEDULE_PAST_TOLERANCE) => {
                wrong.add("in_the_past", pointer(place, "at"), "must not lie in the past");
            }
            Some(at) if at > now.plus(SCHEDULE_MAX_AHEAD) => {
                let message = format!("must be at most {} days ahead", SCHEDULE_MAX_AHEAD / DAY);
                wrong.add("out_of_range", pointer(place, "at"), message);
            }
            None if wrong.is_empty() => wrong.add("empty", place, "must say when: at"),
            _ => {}
        }
        wrong.or(at)
    }
}
