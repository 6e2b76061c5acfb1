//! Time zones: their names, and when their clocks show what.

use homing_domain::UnixMillis;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A name that the time zone database does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of an IANA time zone, like Europe/Berlin")]
pub struct UnknownZone;

/// Checks the name of a time zone.
///
/// # Errors
/// [`UnknownZone`]
pub fn check_zone(name: &str) -> Result<(), UnknownZone> {
    find(name).map(|_| ())
}

/// The zone of this name.
pub(crate) fn find(name: &str) -> Result<TimeZone, UnknownZone> {
    // The database answers to "Etc/Unknown", whose clocks nobody knows.
    TimeZone::get(name).ok().filter(|zone| !zone.is_unknown()).ok_or(UnknownZone)
}

/// The zone of this name; UTC for none, and for one that is not known.
pub(crate) fn find_or_utc(name: Option<&str>) -> TimeZone {
    name.and_then(|name| find(name).ok()).unwrap_or(TimeZone::UTC)
}

/// When the zone's clocks first show this time or a later one.
pub(crate) fn first_showing(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        // As clocks that had gone forward before would show it, the time lies before the change: the next one.
        AmbiguousOffset::Gap { .. } => {
            zone.following(ambiguous.earlier().ok()?).next().map(|change| change.timestamp())
        }
    }
}

/// What the zone's clocks show at a moment.
pub(crate) fn shown(zone: &TimeZone, at: UnixMillis) -> Option<DateTime> {
    Some(zone.to_datetime(timestamp(at)?))
}

/// For the library; `None` past the year 9999.
pub(crate) fn timestamp(at: UnixMillis) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()
}

/// From the library: up to a full millisecond, so that nobody comes early. What lies before 1970 is 1970.
pub(crate) fn unix_millis(at: Timestamp) -> UnixMillis {
    let rounded = at.checked_add(SignedDuration::from_nanos(999_999)).unwrap_or(at);
    UnixMillis(u64::try_from(rounded.as_millisecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_database() {
        for name in ["UTC", "Europe/Berlin", "Asia/Shanghai", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
            assert_eq!(check_zone(name), Ok(()), "{name}");
        }
        for name in ["", "Berlin", "Europe/Bonn", "CET-1CEST", "+08:00", "Etc/Unknown", "../etc/localtime", "\0"] {
            assert_eq!(check_zone(name), Err(UnknownZone), "{name}");
        }
    }

    fn first(zone: &str, time: &str) -> String {
        first_showing(&find(zone).unwrap(), time.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_time_has_come_when_a_clock_first_shows_it_or_a_later_one() {
        for (zone, time, expected) in [
            ("Asia/Shanghai", "2026-12-24T18:00:00", "2026-12-24T10:00:00Z"),
            // Left out: from 01:59:59 to 03:00:00.
            ("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"),
            ("Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T03:00:01", "2026-03-29T01:00:01Z"),
            // Twice: the first.
            ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
            // Half an hour, and midnight itself.
            ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:30:00Z"),
            ("America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T03:00:00Z"),
            // A day that one island left out.
            ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00Z"),
        ] {
            assert_eq!(first(zone, time), expected, "{zone} {time}");
        }
    }
}
