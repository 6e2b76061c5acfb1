//! What a device runs on.

use homing_domain::{Interval, Millis};

use super::learned::USED_PERCENT;

/// A device that spares nothing beats this often, so that a dead link shows soon. The gateway's bounds stand above it: over
/// TCP they make it 120 s.
const MAINS_EVERY: Millis = 60_000;

/// What a device runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Power {
    /// A battery: it beats as seldom as the network allows.
    #[default]
    Battery,
    /// Mains: it beats every 60 to 120 s, or more often where the network wants it.
    Mains,
}

impl Power {
    /// The bounds as they are for this device.
    pub(super) fn within(self, bounds: Interval) -> Interval {
        let Interval { initial, minimum, maximum } = bounds;
        match self {
            Self::Battery => bounds,
            Self::Mains => Interval {
                initial: initial.min(MAINS_EVERY).max(minimum),
                minimum,
                maximum: (MAINS_EVERY * 100).div_ceil(USED_PERCENT).clamp(minimum, maximum),
            },
        }
    }
}
