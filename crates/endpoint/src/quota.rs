//! Requests per second of one app: the generic cell rate algorithm with a burst of one second.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use homing_domain::{AppId, Millis, UnixMillis};

/// Apps whose use is remembered. One that is idle for a second needs no memory, so this bounds apps active at once.
const APPS_MAX: usize = 16_384;
/// How far an app may run ahead of its rate, in microseconds.
const BURST_MICROS: u64 = 1_000_000;

/// What a quota is for; each has its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Requests with a server key.
    Business,
    /// Registrations with a client key.
    Registration,
}

/// For each app and lane, when its next request would be due if it kept its rate exactly, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Quotas(Mutex<HashMap<(AppId, Lane), u64>>);

impl Quotas {
    /// Takes one request, or answers how long to wait.
    pub(crate) fn admit(&self, app: &AppId, lane: Lane, per_second: u32, now: UnixMillis) -> Result<(), Millis> {
        let now = now.0.saturating_mul(1_000);
        let interval = 1_000_000 / u64::from(per_second.clamp(1, 1_000_000));
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() >= APPS_MAX {
            due.retain(|_, due| *due > now);
        }
        let next = due.entry((app.clone(), lane)).or_insert(now);
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
        let app: AppId = "demo".parse().unwrap();
        let admit = |at| quotas.admit(&app, Lane::Business, 5, UnixMillis(at));
        for _ in 0..5 {
            assert_eq!(admit(10_000), Ok(()));
        }
        assert_eq!(admit(10_000), Err(200));
        assert_eq!(quotas.admit(&app, Lane::Registration, 5, UnixMillis(10_000)), Ok(()));
        assert_eq!(admit(10_200), Ok(()));
        assert_eq!(admit(10_200), Err(200));
        for _ in 0..5 {
            assert_eq!(admit(60_000), Ok(()));
        }
        assert!(admit(60_000).is_err());
    }

    #[test]
    fn idle_apps_are_forgotten() {
        let quotas = Quotas::default();
        for n in 0..2 * APPS_MAX as u64 {
            let app = format!("a{n}").parse().unwrap();
            assert_eq!(quotas.admit(&app, Lane::Business, 1_000, UnixMillis(10_000 + n)), Ok(()));
        }
        assert!(quotas.0.lock().unwrap().len() <= APPS_MAX);
    }
}
