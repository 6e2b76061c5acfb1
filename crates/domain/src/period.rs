//! The periods of an app's figures.

use std::fmt;
use std::str::FromStr;

use crate::limits::{STATISTICS_DAYS_KEPT_FOR, STATISTICS_HOURS_KEPT_FOR, STATISTICS_MINUTES_KEPT_FOR};
use crate::time::{Millis, UnixMillis};

/// How long the periods of a series are. In UTC: hours and days of other time zones are the reader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Granularity {
    /// Every granularity.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The stable name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// How long one period is, in milliseconds.
    #[must_use]
    pub const fn length(self) -> Millis {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 24 * 3_600_000,
        }
    }

    /// How long a period's figures are kept after it began, in milliseconds.
    #[must_use]
    pub const fn kept_for(self) -> Millis {
        match self {
            Self::Minute => STATISTICS_MINUTES_KEPT_FOR,
            Self::Hour => STATISTICS_HOURS_KEPT_FOR,
            Self::Day => STATISTICS_DAYS_KEPT_FOR,
        }
    }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Granularity {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|granularity| granularity.name() == text).ok_or(())
    }
}

/// One period of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Of which series.
    pub granularity: Granularity,
    /// When it begins; its end is the beginning of the next.
    pub start: UnixMillis,
}

impl Period {
    /// The period that a moment falls into.
    #[must_use]
    pub const fn of(granularity: Granularity, at: UnixMillis) -> Self {
        Self { granularity, start: UnixMillis(at.0 - at.0 % granularity.length()) }
    }

    /// From here on its figures are not kept.
    #[must_use]
    pub const fn kept_until(self) -> UnixMillis {
        self.start.plus(self.granularity.kept_for())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_begins_where_the_one_before_ends() {
        let at = UnixMillis(1_700_000_123_456);
        for granularity in Granularity::ALL {
            let period = Period::of(granularity, at);
            assert!(period.start <= at && at < period.start.plus(granularity.length()));
            assert_eq!(Period::of(granularity, period.start), period);
            assert_eq!(Period::of(granularity, period.start.minus(1)).start, period.start.minus(granularity.length()));
            assert_eq!(granularity.name().parse(), Ok(granularity));
        }
    }
}
