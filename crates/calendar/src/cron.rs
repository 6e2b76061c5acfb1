//! Cron expressions: when they come next.

mod pattern;

#[cfg(test)]
mod tests;

use homing_domain::{Recurrence, UnixMillis};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::zone::{find_or_utc, first_showing, timestamp, unix_millis};
use pattern::Pattern;

/// Longest cron expression: lists of every value of every field fit.
pub const CRON_MAX_BYTES: usize = 512;

/// Why a text is not a cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    /// What is wrong, in words, with the field.
    pub message: String,
}

impl CronError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Checks a cron expression of 5 fields (minute, hour, day of month, month, day of week), or of 6 with seconds first. Each
/// is `*` or a list of values, ranges `a-b` and steps `*/n`, `a-b/n`; months and days of the week may be named (`JAN`,
/// `MON`), Sunday is 0 and 7, and `L` is the last day of the month. When both days are given, either will do.
///
/// # Errors
/// [`CronError`], also when no calendar has such a day.
pub fn check_cron(text: &str) -> Result<(), CronError> {
    Pattern::parse(text).map(|_| ())
}

/// The first occurrence after a moment; `None` when there is none (any more).
///
/// A time of day, with neither seconds nor minutes nor hours written with `*`, comes once on each of its days, also when the
/// clocks are changed (see the head of this package). What is repeated within the day comes as often as the clocks show it:
/// "every ten minutes" goes on in the hour that comes twice, and has nothing to do in the one that is left out. So do cron
/// daemons since Vixie's.
#[must_use]
pub fn next_occurrence(recurrence: &Recurrence, after: UnixMillis) -> Option<UnixMillis> {
    if recurrence.remaining == Some(0) {
        return None;
    }
    let pattern = Pattern::parse(&recurrence.cron).ok()?;
    let zone = find_or_utc(Some(&recurrence.timezone));
    let after = floor(timestamp(after)?);
    let next = if pattern.is_time_of_day() {
        next_time_of_day(&pattern, &zone, after)
    } else {
        next_repetition(&pattern, &zone, after)
    };
    let next = unix_millis(next?);
    recurrence.until.is_none_or(|until| next <= until).then_some(next)
}

/// Each time once: when the clocks first show it or a later one. That never falls when times rise, so the first time whose
/// moment is past `after` is the next.
fn next_time_of_day(pattern: &Pattern, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let mut time = second_after(zone.to_datetime(after))?;
    loop {
        time = pattern.first_from(time)?;
        let at = first_showing(zone, time)?;
        if at > after {
            return Some(at);
        }
        time = second_after(time)?;
    }
}

/// Whatever the clocks show: from one change of theirs to the next, they go evenly.
fn next_repetition(pattern: &Pattern, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let mut from = after.checked_add(SignedDuration::from_secs(1)).ok()?;
    let mut time = pattern.first_from(zone.to_datetime(from))?;
    loop {
        let offset = zone.to_offset(from);
        let change = zone.following(from).next().map(|change| change.timestamp());
        let at = moment(offset, time)?;
        match change {
            Some(change) if at >= change => {
                from = change;
                time = pattern.first_from(zone.to_datetime(from))?;
            }
            _ => return Some(at),
        }
    }
}

fn moment(offset: Offset, time: DateTime) -> Option<Timestamp> {
    offset.to_timestamp(time).ok()
}

fn second_after(time: DateTime) -> Option<DateTime> {
    time.checked_add(SignedDuration::from_secs(1)).ok()
}

/// Occurrences are full seconds.
fn floor(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
