//! Beating more often while answers are late.

use homing_domain::{Interval, Millis};

/// Late answers in a row: halve the interval.
const LATE_HALVES: u32 = 2;
/// Late answers in a row: beat as often as allowed.
const LATE_MINIMUM: u32 = 3;
/// Answers in time, in a row, until all is well again.
const TIMELY_HEALS: u32 = 3;

/// How the last answers came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    late: u32,
    timely: u32,
}

impl Pace {
    /// An answer came in time, or did not.
    pub(super) const fn note(&mut self, is_timely: bool) {
        if is_timely {
            self.timely = self.timely.saturating_add(1);
            if self.late < LATE_HALVES || self.timely >= TIMELY_HEALS {
                self.late = 0;
            }
        } else {
            self.late = self.late.saturating_add(1);
            self.timely = 0;
        }
    }

    /// Whether the path is well enough to find out anything about silences.
    pub(super) const fn is_calm(self) -> bool {
        self.late == 0
    }

    /// The interval as it is for now.
    pub(super) fn apply(self, interval: Millis, bounds: &Interval) -> Millis {
        match self.late {
            0..LATE_HALVES => interval,
            LATE_HALVES..LATE_MINIMUM => (interval / 2).max(bounds.minimum),
            LATE_MINIMUM.. => bounds.minimum,
        }
    }
}
