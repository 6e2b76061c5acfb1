//! The system's clock and randomness: what every main gives to the stages, and the one place that reads either.
//!
//! **Must not know**: who asks, and for what.

use homing_domain::UnixMillis;
use homing_ports::{Clock, Entropy};

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    fn now(&self) -> UnixMillis {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn random_16(&self) -> [u8; 16] {
        rand::random()
    }
}
