//! Requests per second: the generic cell rate algorithm with a burst of one second.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use homing_domain::{Millis, UnixMillis};

/// Callers remembered before the idle ones are first forgotten. Each takes some 50 bytes.
const SWEEP_FROM: usize = 16_384;
/// How far a caller may run ahead of its rate, in microseconds.
const BURST_MICROS: u64 = 1_000_000;

/// What an app's quota is for; each has its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Requests with a server key.
    Business,
    /// Registrations with a client key.
    Registration,
}

/// For each caller, when its next request would be due if it kept its rate exactly. A caller that has been idle for a
/// second needs no memory, so this holds those that were busy within the last second, and at most as many idle ones.
#[derive(Debug)]
pub(crate) struct Quotas<K>(Mutex<Dues<K>>);

#[derive(Debug)]
struct Dues<K> {
    /// In microseconds.
    next: HashMap<K, u64>,
    sweep_at: usize,
}

impl<K> Default for Quotas<K> {
    fn default() -> Self {
        Self(Mutex::new(Dues { next: HashMap::new(), sweep_at: SWEEP_FROM }))
    }
}

impl<K: Eq + Hash> Quotas<K> {
    /// Takes one request, or answers how long to wait.
    pub(crate) fn admit(&self, caller: K, per_second: u32, now: UnixMillis) -> Result<(), Millis> {
        let now = now.0.saturating_mul(1_000);
        let interval = 1_000_000 / u64::from(per_second.clamp(1, 1_000_000));
        let mut dues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if dues.next.len() >= dues.sweep_at {
            dues.next.retain(|_, due| *due > now);
            // Doubling keeps the sweep's cost per request constant, however many are busy.
            dues.sweep_at = SWEEP_FROM.max(dues.next.len() * 2);
        }
        let next = dues.next.entry(caller).or_insert(now);
        let ahead = (*next).saturating_sub(now) + interval;
        if ahead > BURST_MICROS {
            return Err((ahead - BURST_MICROS).div_ceil(1_000));
        }
        *next = now + ahead;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_burst_then_the_rate() {
        let quotas = Quotas::default();
        let admit = |at| quotas.admit("a", 5, UnixMillis(at));
        for _ in 0..5 {
            assert_eq!(admit(10_000), Ok(()));
        }
        assert_eq!(admit(10_000), Err(200));
        assert_eq!(quotas.admit("b", 5, UnixMillis(10_000)), Ok(()));
        assert_eq!(admit(10_200), Ok(()));
        assert_eq!(admit(10_200), Err(200));
        for _ in 0..5 {
            assert_eq!(admit(60_000), Ok(()));
        }
        assert!(admit(60_000).is_err());
    }

    #[test]
    fn idle_callers_are_forgotten_and_busy_ones_are_not() {
        let quotas = Quotas::default();
        for caller in 0..10 * SWEEP_FROM as u64 {
            assert_eq!(quotas.admit(caller, 1, UnixMillis(10_000 + caller)), Ok(()));
        }
        assert!(quotas.0.lock().unwrap().next.len() <= SWEEP_FROM);
        let busy = 10 * SWEEP_FROM as u64 - 1;
        assert!(quotas.admit(busy, 1, UnixMillis(10_000 + busy)).is_err());
    }
}
