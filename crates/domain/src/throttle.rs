//! How fast a vendor may be asked for an app, shared by all who ask: a pure token bucket with a pause.

use crate::time::{Millis, UnixMillis};

/// Requests a second, and at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub per_second: u32,
    /// At least 1.
    pub burst: u32,
}

/// The state of one (app, channel). A rate that changed holds from the next request on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// When all that was granted so far would have been paid for, in microseconds since 1970.
    paid_at_micros: u64,
    /// Nothing is asked before: the vendor's window has to turn.
    paused_until: UnixMillis,
    /// Raised by each change; a change names the one it read.
    pub revision: u64,
}

/// What was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Requests that may be made now.
    pub requests: u32,
    /// When there may be more, if it was less than wanted.
    pub wait: Millis,
}

impl Throttle {
    /// As it was stored.
    #[must_use]
    pub const fn restored(paid_at_micros: u64, paused_until: UnixMillis, revision: u64) -> Self {
        Self { paid_at_micros, paused_until, revision }
    }

    /// To be stored.
    #[must_use]
    pub const fn parts(&self) -> (u64, UnixMillis) {
        (self.paid_at_micros, self.paused_until)
    }

    /// Takes up to `wanted` requests.
    pub fn take(&mut self, wanted: u32, rate: Rate, now: UnixMillis) -> Granted {
        let paused = self.paused_until.since(now);
        if paused > 0 {
            return Granted { requests: 0, wait: paused };
        }
        let now = now.0.saturating_mul(1_000);
        let price = 1_000_000 / u64::from(rate.per_second.max(1));
        let burst = rate.burst.max(1);
        let credit = price * u64::from(burst);
        let unpaid = now.saturating_sub(self.paid_at_micros);
        // What was not used in time is lost, beyond the burst; but not what became due between two ticks of the clock.
        let paid_at = if unpaid > credit + 1_000 { now - credit } else { self.paid_at_micros };
        let free = (now.saturating_sub(paid_at)) / price.max(1);
        let requests = u32::try_from(free).unwrap_or(u32::MAX).min(burst).min(wanted);
        self.paid_at_micros = paid_at + price * u64::from(requests);
        let missing = (self.paid_at_micros + price).saturating_sub(now);
        Granted { requests, wait: if requests < wanted { missing.div_ceil(1_000).max(1) } else { 0 } }
    }

    /// Gives requests back that were granted at this rate and not made.
    pub fn give_back(&mut self, requests: u32, rate: Rate) {
        let price = 1_000_000 / u64::from(rate.per_second.max(1));
        self.paid_at_micros = self.paid_at_micros.saturating_sub(price * u64::from(requests));
    }

    /// Nothing is asked until then. A pause that ends later stays.
    pub fn pause(&mut self, until: UnixMillis) {
        self.paused_until = self.paused_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 100, burst: 10 };
    const NOW: UnixMillis = UnixMillis(1_000_000);

    #[test]
    fn a_burst_then_the_rate_and_what_is_not_used_is_lost() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.take(25, RATE, NOW), Granted { requests: 10, wait: 10 });
        assert_eq!(throttle.take(1, RATE, NOW).requests, 0);
        assert_eq!(throttle.take(25, RATE, NOW.plus(50)), Granted { requests: 5, wait: 10 });
        assert_eq!(throttle.take(3, RATE, NOW.plus(60_000)), Granted { requests: 3, wait: 0 });
        assert_eq!(throttle.take(25, RATE, NOW.plus(60_000)).requests, 7);
    }

    #[test]
    fn over_a_long_time_it_is_the_rate_whatever_is_asked() {
        let mut throttle = Throttle::default();
        let rate = Rate { per_second: 300, burst: 1 };
        let granted: u32 = (0..10_000).map(|at| throttle.take(5, rate, NOW.plus(at)).requests).sum();
        assert!((2_990..=3_010).contains(&granted), "{granted}");
    }

    #[test]
    fn what_was_not_used_is_there_for_the_next_one_and_never_more_than_a_burst() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.take(10, RATE, NOW).requests, 10);
        throttle.give_back(4, RATE);
        assert_eq!(throttle.take(10, RATE, NOW).requests, 4);
        throttle.give_back(1_000, RATE);
        assert_eq!(throttle.take(1_000, RATE, NOW).requests, 10);
        let mut new = Throttle::default();
        new.give_back(u32::MAX, RATE);
        assert_eq!(new, Throttle::default());
    }

    #[test]
    fn a_pause_holds_and_is_never_shortened() {
        let mut throttle = Throttle::default();
        throttle.pause(NOW.plus(5_000));
        throttle.pause(NOW.plus(1_000));
        assert_eq!(throttle.take(1, RATE, NOW), Granted { requests: 0, wait: 5_000 });
        assert_eq!(throttle.take(1, RATE, NOW.plus(5_000)).requests, 1);
    }
}
