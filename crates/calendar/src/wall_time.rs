//! Times on the walls of the Earth.

use homing_domain::{UnixMillis, WallTime};
use jiff::civil::DateTime;

use crate::zone::{find_or_utc, first_showing, unix_millis};

/// When the clocks of a time zone first show this time or a later one. Without a time zone, or in one that is not known:
/// UTC's. A time that no calendar has never comes.
#[must_use]
pub fn instant_in(time: &WallTime, zone: Option<&str>) -> UnixMillis {
    let shown = date_time(time).and_then(|time| first_showing(&find_or_utc(zone), time));
    shown.map_or(UnixMillis::NEVER, unix_millis)
}

/// When the first clock on Earth shows this time: that of UTC+14.
#[must_use]
pub fn earliest_on_earth(time: &WallTime) -> UnixMillis {
    instant_in(time, None).minus(14 * 3_600_000)
}

/// When the last clock on Earth shows it: that of UTC−12.
#[must_use]
pub fn latest_on_earth(time: &WallTime) -> UnixMillis {
    instant_in(time, None).plus(12 * 3_600_000)
}

fn date_time(time: &WallTime) -> Option<DateTime> {
    let [month, day, hour, minute, second] =
        [time.month, time.day, time.hour, time.minute, time.second].map(|part| i8::try_from(part).unwrap_or(i8::MAX));
    DateTime::new(time.year, month, day, hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noon(month: u8, day: u8) -> WallTime {
        WallTime { year: 2026, month, day, hour: 12, minute: 0, second: 0 }
    }

    #[test]
    fn noon_comes_when_the_zone_says_so() {
        let at = |text: &str| unix_millis(text.parse().unwrap());
        assert_eq!(instant_in(&noon(7, 1), Some("Europe/Berlin")), at("2026-07-01T10:00:00Z"));
        assert_eq!(instant_in(&noon(12, 1), Some("Europe/Berlin")), at("2026-12-01T11:00:00Z"));
        assert_eq!(instant_in(&noon(7, 1), Some("Kiritimati")), at("2026-07-01T12:00:00Z"), "no such zone");
        assert_eq!(instant_in(&noon(7, 1), None), at("2026-07-01T12:00:00Z"));
        assert_eq!(instant_in(&noon(2, 30), None), UnixMillis::NEVER);
    }

    #[test]
    fn the_first_and_the_last_clock_on_earth_are_islands() {
        let noon = noon(7, 1);
        assert_eq!(earliest_on_earth(&noon), instant_in(&noon, Some("Pacific/Kiritimati")));
        assert_eq!(latest_on_earth(&noon), instant_in(&noon, Some("Etc/GMT+12")));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        /// No clock shows a time before the first or after the last does, whatever was done to it that year.
        #[test]
        fn every_zone_lies_between(
            zone in prop::sample::select(jiff::tz::db().available().map(|name| name.to_string()).collect::<Vec<_>>()),
            (year, month, day) in (2020_i16..2040, 1_u8..=12, 1_u8..=28),
            (hour, minute) in (0_u8..24, 0_u8..60),
        ) {
            let time = WallTime { year, month, day, hour, minute, second: 0 };
            let at = instant_in(&time, Some(&zone));
            prop_assert!((earliest_on_earth(&time)..=latest_on_earth(&time)).contains(&at), "{} {:?}", zone, time);
        }
    }
}
