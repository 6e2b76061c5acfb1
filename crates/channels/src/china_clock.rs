//! When the windows of Chinese vendors turn.

use homing_domain::UnixMillis;

/// China has one offset all year, since 1991.
const OFFSET_MS: u64 = 8 * HOUR_MS;
const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The next moment at which clocks in China show this full hour (0 to 23); never `now` itself.
pub(crate) fn next_hour_in_china(now: UnixMillis, hour: u64) -> UnixMillis {
    let since_hour = now.0.saturating_add(OFFSET_MS + DAY_MS - hour * HOUR_MS) % DAY_MS;
    UnixMillis(now.0.saturating_add(DAY_MS - since_hour))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(now: &str, hour: u64) -> String {
        let now: jiff::Timestamp = now.parse().unwrap();
        let next = next_hour_in_china(UnixMillis(u64::try_from(now.as_millisecond()).unwrap()), hour);
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
        let next = jiff::Timestamp::from_millisecond(i64::try_from(next.0).unwrap()).unwrap().to_zoned(zone);
        next.datetime().to_string()
    }

    #[test]
    fn it_is_the_next_time_that_clocks_show_the_hour() {
        // In China it is 08:00.
        assert_eq!(next("2026-01-01T00:00:00Z", 0), "2026-01-02T00:00:00");
        assert_eq!(next("2026-01-01T00:00:00Z", 7), "2026-01-02T07:00:00");
        assert_eq!(next("2026-01-01T00:00:00Z", 9), "2026-01-01T09:00:00");
        // Midnight itself, and the moment before.
        assert_eq!(next("2026-06-30T16:00:00Z", 0), "2026-07-02T00:00:00");
        assert_eq!(next("2026-06-30T15:59:59.999Z", 0), "2026-07-01T00:00:00");
        assert_eq!(next("1970-01-01T00:00:00Z", 23), "1970-01-01T23:00:00");
        assert!(next_hour_in_china(UnixMillis(u64::MAX), 0).0 > 0);
    }
}
