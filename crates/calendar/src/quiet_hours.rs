//! Quiet hours.

use homing_domain::{QuietHours, UnixMillis};
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

use crate::zone::{find_or_utc, first_showing, shown, unix_millis};

/// When the quiet hours that a moment falls into are over; `None` when it falls into none. Without a time zone, or in one
/// that is not known, the hours are taken as UTC's. Hours that are all day are over at the same minute of the next day.
#[must_use]
pub fn quiet_until(hours: &QuietHours, zone: Option<&str>, now: UnixMillis) -> Option<UnixMillis> {
    let zone = find_or_utc(zone);
    let time = shown(&zone, now)?;
    let minute = u16::try_from(i16::from(time.hour()) * 60 + i16::from(time.minute())).ok()?;
    let QuietHours { start, end } = *hours;
    let (is_quiet, ends_tomorrow) = if start < end {
        ((start..end).contains(&minute), false)
    } else {
        (minute >= start || minute < end, minute >= end)
    };
    if !is_quiet {
        return None;
    }
    let day = if ends_tomorrow { time.date().tomorrow().ok()? } else { time.date() };
    let until = first_showing(&zone, at_minute(day, end)?).map(unix_millis)?;
    if until > now {
        return Some(until);
    }
    // Clocks went back over the end of the hours and show quiet ones again: the person had woken before.
    None
}

fn at_minute(day: Date, minute: u16) -> Option<DateTime> {
    day.at(0, 0, 0, 0).checked_add(i64::from(minute).minutes()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NIGHT: QuietHours = QuietHours { start: 22 * 60, end: 7 * 60 };

    fn at(text: &str) -> UnixMillis {
        unix_millis(text.parse().unwrap())
    }

    #[test]
    fn hours_are_half_open_and_reach_over_midnight() {
        let noon = QuietHours { start: 12 * 60, end: 13 * 60 + 30 };
        let all_day = QuietHours { start: 8 * 60, end: 8 * 60 };
        for (hours, zone, now, until) in [
            (noon, None, "2026-07-01T11:59:59.999Z", None),
            (noon, None, "2026-07-01T12:00:00Z", Some("2026-07-01T13:30:00Z")),
            (noon, None, "2026-07-01T13:29:59.999Z", Some("2026-07-01T13:30:00Z")),
            (noon, None, "2026-07-01T13:30:00Z", None),
            (noon, Some("Mars/Olympus"), "2026-07-01T12:00:00Z", Some("2026-07-01T13:30:00Z")),
            (NIGHT, Some("Asia/Shanghai"), "2026-07-01T13:59:59Z", None),
            (NIGHT, Some("Asia/Shanghai"), "2026-07-01T14:00:00Z", Some("2026-07-01T23:00:00Z")),
            (NIGHT, Some("Asia/Shanghai"), "2026-07-01T16:00:00Z", Some("2026-07-01T23:00:00Z")),
            (NIGHT, Some("Asia/Shanghai"), "2026-07-01T23:00:00Z", None),
            (all_day, None, "2026-07-01T07:59:00Z", Some("2026-07-01T08:00:00Z")),
            (all_day, None, "2026-07-01T08:00:00Z", Some("2026-07-02T08:00:00Z")),
            // New York: two nights on which the clocks are changed.
            (NIGHT, Some("America/New_York"), "2026-03-08T06:30:00Z", Some("2026-03-08T11:00:00Z")),
            (NIGHT, Some("America/New_York"), "2026-11-01T04:30:00Z", Some("2026-11-01T12:00:00Z")),
        ] {
            assert_eq!(quiet_until(&hours, zone, at(now)), until.map(at), "{hours:?} {zone:?} {now}");
        }
    }

    #[test]
    fn hours_that_end_in_a_changed_hour_end_once() {
        // Berlin: 02:30 is left out on one night, and comes twice on another.
        let hours = QuietHours { start: 23 * 60, end: 2 * 60 + 30 };
        let until = |now| quiet_until(&hours, Some("Europe/Berlin"), at(now));
        assert_eq!(until("2026-03-29T00:59:00Z"), Some(at("2026-03-29T01:00:00Z")));
        assert_eq!(until("2026-03-29T01:00:00Z"), None);
        assert_eq!(until("2026-10-25T00:29:00Z"), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(until("2026-10-25T00:30:00Z"), None);
        assert_eq!(until("2026-10-25T01:10:00Z"), None, "02:10 for the second time");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        /// Whoever is left alone is so until a moment that is not quiet, at most a day and a changed hour away.
        #[test]
        fn quiet_ends(
            start in 0_u16..1_440, end in 0_u16..1_440,
            zone in prop::sample::select(&["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu"]),
            now in 1_700_000_000_000_u64..2_000_000_000_000,
        ) {
            let hours = QuietHours { start, end };
            if let Some(until) = quiet_until(&hours, Some(zone), UnixMillis(now)) {
                prop_assert!(until.0 > now && until.0 - now <= 25 * 3_600_000);
                prop_assert!(start == end || quiet_until(&hours, Some(zone), until).is_none());
            }
        }
    }
}
