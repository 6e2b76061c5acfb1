//! RFC 3339 outside, milliseconds inside.

use homing_domain::UnixMillis;
use jiff::Timestamp;

/// For an answer. What lies past the year 9999 ("never") becomes its last moment.
#[must_use]
pub fn to_timestamp(at: UnixMillis) -> Timestamp {
    i64::try_from(at.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

/// From a request. What lies before 1970 becomes 1970.
#[must_use]
pub fn from_timestamp(at: Timestamp) -> UnixMillis {
    UnixMillis(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let at = UnixMillis(1_700_000_000_123);
        assert_eq!(to_timestamp(at).to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(from_timestamp(to_timestamp(at)), at);
        assert_eq!(to_timestamp(UnixMillis::NEVER), Timestamp::MAX);
        assert_eq!(from_timestamp("1960-01-01T00:00:00Z".parse().unwrap()), UnixMillis(0));
    }
}
