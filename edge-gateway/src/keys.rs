//! Keys that all gateways of a fleet share and that change with the calendar. Nothing is handed round: whoever has the
//! fleet's secret and a clock derives the same keys, after a restart too.

mod retry;
mod tickets;

use std::sync::Arc;

use homing_ports::Clock;

pub(crate) use self::retry::RetryKeys;
pub(crate) use self::tickets::Tickets;

/// Keys of so many past periods are still accepted.
const PAST_PERIODS: u64 = 2;

/// A clock that shows nothing of itself in `Debug`, as key holders must have it.
#[derive(Clone)]
struct Periods {
    clock: Arc<dyn Clock>,
    /// Length in milliseconds.
    length: u64,
}

impl Periods {
    /// Number of the present period since 1970.
    fn present(&self) -> u64 {
        self.clock.now().0 / self.length
    }

    /// Whether what was made in `period` may still be accepted. The next one may be here already where clocks differ.
    fn accepts(&self, period: u64) -> bool {
        let present = self.present();
        (present.saturating_sub(PAST_PERIODS)..=present + 1).contains(&period)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use homing_domain::UnixMillis;

    use super::*;

    /// A clock that a test sets.
    #[derive(Debug, Default)]
    pub(super) struct Hand(pub(super) AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> UnixMillis {
            UnixMillis(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn two_past_periods_and_the_next_one_are_accepted() {
        let periods = Periods { clock: Arc::new(Hand(AtomicU64::new(1_050))), length: 100 };
        assert_eq!(periods.present(), 10);
        let accepted: Vec<_> = (0..20).filter(|period| periods.accepts(*period)).collect();
        assert_eq!(accepted, [8, 9, 10, 11]);
    }
}
