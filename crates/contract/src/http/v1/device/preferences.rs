//! What the person who uses a device wants to be spared.

use std::collections::BTreeSet;

use homing_domain::QuietHours;
use homing_domain::limits::{DEVICE_MAX_OPT_OUTS, TOPIC_MAX_BYTES};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::v1::text::line;
use crate::http::{Checked, Violations, pointer};

/// When a person is left alone, every day, by the clock of the device's time zone (UTC when it has none). An end before the
/// start is on the next day; start and end alike mean all day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct QuietHoursView {
    /// First quiet minute.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    pub start: String,
    /// First minute that is not quiet any more.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    pub end: String,
}

only_objects!(QuietHoursView);

impl QuietHoursView {
    pub(super) fn check(&self, at: &str) -> Checked<QuietHours> {
        let mut wrong = Violations::default();
        let start = wrong.take(minute_of_day(&self.start, &pointer(at, "start")));
        let end = wrong.take(minute_of_day(&self.end, &pointer(at, "end")));
        match (start, end) {
            (Some(start), Some(end)) => wrong.or(QuietHours { start, end }),
            _ => Err(wrong),
        }
    }
}

impl From<QuietHours> for QuietHoursView {
    fn from(hours: QuietHours) -> Self {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        Self { start: clock(hours.start), end: clock(hours.end) }
    }
}

/// Reads `22:00`.
fn minute_of_day(text: &str, at: &str) -> Checked<u16> {
    let number = |digits: &str| match digits.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(u16::from(tens - b'0') * 10 + u16::from(ones - b'0')),
        _ => None,
    };
    let read = text.split_once(':').and_then(|(hours, minutes)| Some((number(hours)?, number(minutes)?)));
    match read {
        Some((hours @ 0..24, minutes @ 0..60)) => Ok(hours * 60 + minutes),
        _ => Err(Violations::one("invalid_time", at, "must be a time of day from 00:00 to 23:59, such as 22:00")),
    }
}

/// Topics, sorted, each once.
pub(super) fn topics(names: Vec<String>, at: &str) -> Checked<Vec<String>> {
    let mut wrong = Violations::default();
    for (index, name) in names.iter().enumerate() {
        wrong.take(line(name, TOPIC_MAX_BYTES, &pointer(at, index)));
    }
    let names: BTreeSet<_> = names.into_iter().collect();
    if names.len() > DEVICE_MAX_OPT_OUTS {
        wrong.add("too_many", at, format!("must be at most {DEVICE_MAX_OPT_OUTS}"));
    }
    wrong.or(names.into_iter().collect())
}
