//! Times on the walls of the Earth.

use homing_domain::{UnixMillis, WallTime};

/// When the clocks of a time zone show this time. Without a time zone, or in one that is not known: UTC's.
#[must_use]
pub fn instant_in(time: &WallTime, zone: Option<&str>) -> UnixMillis {
    _ = (time, zone);
    UnixMillis(0)
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
