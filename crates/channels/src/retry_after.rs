//! The `Retry-After` header (RFC 9110 section 10.2.3): seconds, or a date.

use homing_domain::{Millis, UnixMillis};
use jiff::fmt::rfc2822::DateTimeParser;

use crate::exchange::Response;

/// The longest wait that is believed: whoever asks for more has a broken clock, and a message rarely lives longer.
const WAIT_MAX: Millis = 24 * 3_600_000;

/// How long a vendor asks us to wait. A date that has passed is no wait; what cannot be read is none said.
pub(crate) fn retry_after(response: &Response, now: UnixMillis) -> Option<Millis> {
    let text = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => seconds.saturating_mul(1_000),
        Err(_) => {
            let date = DateTimeParser::new().parse_timestamp(text).ok()?;
            UnixMillis(u64::try_from(date.as_millisecond()).ok()?).since(now)
        }
    };
    Some(wait.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_within_a_day() {
        let now = UnixMillis(1_767_225_600_000);
        let read = |text: &str| {
            let response = http::Response::builder().header("retry-after", text).body(bytes::Bytes::new()).unwrap();
            retry_after(&response, now)
        };
        assert_eq!(read("120"), Some(120_000));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("Thu, 01 Jan 2026 00:00:37 GMT"), Some(37_000));
        assert_eq!(read("Wed, 31 Dec 2025 23:59:59 GMT"), Some(0));
        assert_eq!(read("18446744073709551615"), Some(WAIT_MAX));
        assert_eq!(read("Tue, 31 Dec 2199 23:59:59 GMT"), Some(WAIT_MAX));
        for none in ["", "soon", "-5", "1.5", "Thu, 01 Jan"] {
            assert_eq!(read(none), None, "{none}");
        }
        assert_eq!(retry_after(&http::Response::new(bytes::Bytes::new()), now), None);
    }
}
