//! When a message is to be sent.

use homing_calendar::{check_cron, check_zone, earliest_on_earth, latest_on_earth, next_occurrence};
use homing_domain::limits::{SCHEDULE_MAX_AHEAD, SCHEDULE_PAST_TOLERANCE, SERIES_MAX_OCCURRENCES};
use homing_domain::{Recurrence, Schedule, UnixMillis, WallTime};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{from_timestamp, to_timestamp};
use crate::http::{Checked, Violations, pointer};

/// Milliseconds of a day, to say a limit in words.
const DAY: u64 = 24 * 3_600_000;
/// How a time of a clock on a wall is written.
const WALL_TIME: &str = "%Y-%m-%dT%H:%M:%S";
/// Years that a wall time may lie in, so that all clocks of the Earth show it in years that can be written.
const WALL_YEARS: std::ops::RangeInclusive<i16> = 1970..=9998;

/// When a message is to be sent: exactly one of `at`, `cron` and `at_local`. It cannot be empty: a time that was lost on the
/// way must not become "at once".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ScheduleRequest {
    /// At this moment, at most 365 days ahead. One that is less than a minute ago means at once. The message's time to live
    /// counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-12-24T18:00:00+08:00")]
    pub at: Option<Timestamp>,
    /// Again and again: a cron expression of 5 fields (minute, hour, day of month, month, day of week), or of 6 with seconds
    /// first. Each occurrence is sent as a message of its own, which names this one as its `series`, and whose time to live
    /// counts from its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "0 9 * * MON-FRI")]
    pub cron: Option<String>,
    /// The IANA time zone that the times of `cron` are meant in; `UTC` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Berlin")]
    pub timezone: Option<String>,
    /// With `cron`: no occurrence later than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// With `cron`: so many occurrences. In the answer about a message: so many are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub count: Option<i64>,
    /// When each device's own clock shows this time, in the time zone that it registered with (UTC when with none): a date and
    /// a time of day without an offset. Where it has passed already, at once. The time to live counts from when the last clock
    /// on Earth shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-12-24T18:00:00")]
    pub at_local: Option<String>,
}

only_objects!(ScheduleRequest);

/// A schedule, and when it first comes; `None` = at once.
pub(super) type Scheduled = (Schedule, Option<UnixMillis>);

/// From when on the time to live of a message with this schedule counts: its release, of one by local time the last anywhere.
#[must_use]
pub fn lives_from(schedule: &Schedule, release_at: Option<UnixMillis>, now: UnixMillis) -> UnixMillis {
    let last = match schedule {
        Schedule::AtLocal(time) => Some(latest_on_earth(time)),
        _ => release_at,
    };
    last.map_or(now, |last| last.max(now))
}

impl ScheduleRequest {
    /// At this moment.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at: Some(at), ..Self::default() }
    }

    /// As a message has it; `None` for one that was sent at once.
    #[must_use]
    pub fn of(schedule: &Schedule) -> Option<Self> {
        match schedule {
            Schedule::Now => None,
            Schedule::At(at) => Some(Self::at(to_timestamp(*at))),
            Schedule::AtLocal(time) => Some(Self { at_local: Some(write(time)), ..Self::default() }),
            Schedule::Recurring(Recurrence { cron, timezone, until, remaining }) => Some(Self {
                cron: Some(cron.clone()),
                timezone: Some(timezone.clone()),
                until: until.map(to_timestamp),
                count: remaining.map(i64::from),
                ..Self::default()
            }),
        }
    }

    pub(super) fn check(self, now: UnixMillis, place: &str) -> Checked<Scheduled> {
        let said = [self.at.is_some(), self.cron.is_some(), self.at_local.is_some()];
        match said.into_iter().filter(|said| *said).count() {
            0 => return Err(Violations::one("empty", place, "must say when: at, cron or at_local")),
            1 => {}
            _ => return Err(Violations::one("schedule_ambiguous", place, "name only one of at, cron, at_local")),
        }
        if self.cron.is_some() {
            return self.check_recurrence(now, place);
        }
        let mut wrong = Violations::default();
        for (field, is_given) in
            [("timezone", self.timezone.is_some()), ("until", self.until.is_some()), ("count", self.count.is_some())]
        {
            if is_given {
                wrong.add("cron_required", pointer(place, field), format!("{field} is for cron only"));
            }
        }
        let scheduled = match (self.at, self.at_local) {
            (Some(at), _) => check_moment(from_timestamp(at), now, &pointer(place, "at")),
            (None, at_local) => check_wall_time(&at_local.unwrap_or_default(), now, &pointer(place, "at_local")),
        };
        match wrong.take(scheduled) {
            Some(scheduled) => wrong.or(scheduled),
            None => Err(wrong),
        }
    }

    fn check_recurrence(self, now: UnixMillis, place: &str) -> Checked<Scheduled> {
        let mut wrong = Violations::default();
        let cron = self.cron.unwrap_or_default();
        if let Err(error) = check_cron(&cron) {
            wrong.add("invalid_cron", pointer(place, "cron"), error.message);
        }
        let timezone = self.timezone.unwrap_or_else(|| "UTC".to_owned());
        if let Err(error) = check_zone(&timezone) {
            wrong.add("unknown_timezone", pointer(place, "timezone"), error.to_string());
        }
        let remaining = self.count.and_then(|count| wrong.take(check_count(count, &pointer(place, "count"))));
        let recurrence = Recurrence { cron, timezone, until: self.until.map(from_timestamp), remaining };
        if !wrong.is_empty() {
            return Err(wrong);
        }
        match next_occurrence(&recurrence, now) {
            Some(first) => Ok((Schedule::Recurring(recurrence), Some(first))),
            None => Err(Violations::one("never_comes", pointer(place, "until"), "cron has no time before it")),
        }
    }
}

fn check_count(count: i64, place: &str) -> Checked<u32> {
    let count = u32::try_from(count).ok().filter(|count| (1..=SERIES_MAX_OCCURRENCES).contains(count));
    count.ok_or_else(|| Violations::one("out_of_range", place, format!("must be 1 to {SERIES_MAX_OCCURRENCES}")))
}

fn check_moment(at: UnixMillis, now: UnixMillis, place: &str) -> Checked<Scheduled> {
    check_range(at, at, now, place).map(|()| (Schedule::At(at), Some(at)))
}

fn check_wall_time(text: &str, now: UnixMillis, place: &str) -> Checked<Scheduled> {
    let Some(time) = read(text) else {
        let message = "must be a date and a time of day without an offset, like 2026-12-24T18:00:00";
        return Err(Violations::one("invalid_time", place, message));
    };
    let (first, last) = (earliest_on_earth(&time), latest_on_earth(&time));
    // Many clocks have shown it already, and it still comes at others.
    check_range(first, last, now, place).map(|()| (Schedule::AtLocal(time), Some(first.max(now))))
}

/// What begins at `first` and comes last at `last` is neither over nor too far away.
fn check_range(first: UnixMillis, last: UnixMillis, now: UnixMillis, place: &str) -> Checked<()> {
    if last < now.minus(SCHEDULE_PAST_TOLERANCE) {
        return Err(Violations::one("in_the_past", place, "must not lie in the past"));
    }
    if first > now.plus(SCHEDULE_MAX_AHEAD) {
        let message = format!("must be at most {} days ahead", SCHEDULE_MAX_AHEAD / DAY);
        return Err(Violations::one("out_of_range", place, message));
    }
    Ok(())
}

fn read(text: &str) -> Option<WallTime> {
    let time = DateTime::strptime(WALL_TIME, text).ok().filter(|time| WALL_YEARS.contains(&time.year()))?;
    let part = i8::unsigned_abs;
    let wall_time = WallTime {
        year: time.year(),
        month: part(time.month()),
        day: part(time.day()),
        hour: part(time.hour()),
        minute: part(time.minute()),
        second: part(time.second()),
    };
    // The library reads more than it writes: signs, spaces, a leap second.
    (write(&wall_time) == text).then_some(wall_time)
}

fn write(time: &WallTime) -> String {
    let WallTime { year, month, day, hour, minute, second } = time;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests;
