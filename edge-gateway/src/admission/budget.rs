//! So many per second, and as many at once.

use homing_domain::UnixMillis;

/// A token bucket that holds one second's worth. Counted in thousandths, so that a millisecond earns `per_second` of them.
#[derive(Debug)]
pub(super) struct Budget {
    per_second: u32,
    thousandths: u64,
    filled_at: UnixMillis,
}

const ONE: u64 = 1_000;

impl Budget {
    pub(super) fn new(per_second: u32, now: UnixMillis) -> Self {
        Self { per_second, thousandths: u64::from(per_second) * ONE, filled_at: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: UnixMillis) -> bool {
        self.fill(now);
        let left = self.thousandths.checked_sub(ONE);
        self.thousandths = left.unwrap_or(self.thousandths);
        left.is_some()
    }

    /// How much of it is used.
    pub(super) fn used_percent(&mut self, now: UnixMillis) -> u32 {
        self.fill(now);
        let full = u64::from(self.per_second).max(1) * ONE;
        u32::try_from(100 - self.thousandths * 100 / full).unwrap_or(100)
    }

    fn fill(&mut self, now: UnixMillis) {
        let full = u64::from(self.per_second) * ONE;
        let earned = now.since(self.filled_at).saturating_mul(u64::from(self.per_second));
        self.thousandths = self.thousandths.saturating_add(earned).min(full);
        self.filled_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fills_with_time_and_no_further() {
        let mut budget = Budget::new(10, UnixMillis(0));
        assert!((0..10).all(|_| budget.take(UnixMillis(0))));
        assert!(!budget.take(UnixMillis(99)));
        assert!(budget.take(UnixMillis(100)));
        assert_eq!(budget.used_percent(UnixMillis(100)), 100);
        assert_eq!(budget.used_percent(UnixMillis(600)), 50);
        assert_eq!(budget.used_percent(UnixMillis(60_000)), 0);
        assert!((0..10).all(|_| budget.take(UnixMillis(60_000))));
        assert!(!budget.take(UnixMillis(60_000)));
    }
}
