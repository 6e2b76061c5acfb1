//! When so many tokens die at once that the fault is not the devices': a key of another project, a topic that is not the
//! app's. Then nothing is forgotten until somebody looked, because a token that was forgotten comes back only when its app is
//! opened.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use homing_domain::{AppId, BusEvent, Channel, Millis, UnixMillis};
use homing_ports::Events;

/// What is counted together.
pub const CLEANING_WINDOW: Millis = 60_000;
/// Fewer tokens than this say nothing about a fault of ours.
pub const CLEANING_TOKENS_MIN: u32 = 50;
/// Of a hundred tokens: more dead ones than this are no coincidence.
pub const CLEANING_DEAD_PERCENT_MAX: u32 = 20;
/// How long nothing is forgotten then: long enough for a person to be told, short enough that a wave of real
/// uninstallations is not kept for a day.
pub const CLEANING_STOPPED_FOR: Millis = 600_000;
/// Name of the alert that tokens are not forgotten although they are said to be dead: stable, see [`BusEvent::Alert`].
pub const VENDOR_CLEANING_STOPPED: &str = "vendor_cleaning_stopped";
/// Apps' channels that are watched at once; the one that was quiet for the longest makes place.
const WATCHED_MAX: usize = 4_096;

/// Whether dead tokens may be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleaning {
    /// Yes.
    Allowed,
    /// Not for now.
    Stopped {
        /// Whether that was found just now: somebody is to be told, once.
        is_new: bool,
    },
}

/// Watches one app's channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleaningBreaker {
    window_since: UnixMillis,
    seen: u32,
    dead: u32,
    stopped_until: UnixMillis,
}

impl CleaningBreaker {
    /// Takes in of how many tokens something was heard, and how many of them are said to be dead, before those are forgotten.
    pub fn note(&mut self, seen: u32, dead: u32, now: UnixMillis) -> Cleaning {
        if now < self.stopped_until {
            return Cleaning::Stopped { is_new: false };
        }
        // A clock that was set back begins a window too.
        if now < self.window_since || now.since(self.window_since) >= CLEANING_WINDOW {
            *self = Self { window_since: now, ..Self::default() };
        }
        self.seen = self.seen.saturating_add(seen.max(dead));
        self.dead = self.dead.saturating_add(dead);
        let (all, lost) = (u64::from(self.seen), u64::from(self.dead));
        if self.seen >= CLEANING_TOKENS_MIN && lost * 100 > all * u64::from(CLEANING_DEAD_PERCENT_MAX) {
            return self.stop(now);
        }
        Cleaning::Allowed
    }

    /// Nothing is forgotten from now on: somebody knows better than the numbers that the fault is ours.
    pub fn stop(&mut self, now: UnixMillis) -> Cleaning {
        let is_new = now >= self.stopped_until;
        *self = Self { stopped_until: now.plus(CLEANING_STOPPED_FOR), ..Self::default() };
        Cleaning::Stopped { is_new }
    }
}

/// Tells whoever listens that nothing of a channel is forgotten for now: so many of the tokens that were seen are said to be dead.
/// Whoever misses the alert sees it in the logs and the metrics, and again when it is stopped again.
pub async fn tell_cleaning_stopped<P: Events>(
    ports: &P,
    (app, channel): (&AppId, Channel),
    (dead, seen): (usize, usize),
    now: UnixMillis,
) {
    let detail =
        format!("{channel} says of {dead} of {seen} devices of {app} that their tokens are dead: nothing is forgotten");
    let alert = BusEvent::Alert { app: Some(app.clone()), name: VENDOR_CLEANING_STOPPED, detail, at: now };
    if let Err(error) = ports.publish(vec![alert]).await {
        tracing::warn!(%app, %channel, %error, "an alert was not told");
    }
}

/// Watches every app's channel, for one process.
#[derive(Debug, Default)]
pub struct CleaningBreakers(Mutex<HashMap<(AppId, Channel), (UnixMillis, CleaningBreaker)>>);

impl CleaningBreakers {
    /// [`CleaningBreaker::note`].
    pub fn note(&self, app: &AppId, channel: Channel, seen: usize, dead: usize, now: UnixMillis) -> Cleaning {
        let count = |tokens| u32::try_from(tokens).unwrap_or(u32::MAX);
        self.with(app, channel, now, |breaker| breaker.note(count(seen), count(dead), now))
    }

    /// [`CleaningBreaker::stop`].
    pub fn stop(&self, app: &AppId, channel: Channel, now: UnixMillis) -> Cleaning {
        self.with(app, channel, now, |breaker| breaker.stop(now))
    }

    fn with<T>(
        &self,
        app: &AppId,
        channel: Channel,
        now: UnixMillis,
        does: impl FnOnce(&mut CleaningBreaker) -> T,
    ) -> T {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (app.clone(), channel);
        if watched.len() >= WATCHED_MAX && !watched.contains_key(&key) {
            let quietest = watched.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone());
            quietest.map(|quietest| watched.remove(&quietest));
        }
        let (at, breaker) = watched.entry(key).or_default();
        *at = now;
        does(breaker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    #[test]
    fn some_dead_tokens_are_forgotten_and_a_wave_is_not() {
        let mut breaker = CleaningBreaker::default();
        assert_eq!(breaker.note(49, 49, NOW), Cleaning::Allowed, "too few to tell");
        let mut breaker = CleaningBreaker::default();
        assert_eq!(breaker.note(50, 10, NOW), Cleaning::Allowed, "a fifth");
        assert_eq!(breaker.note(4, 1, NOW.plus(1)), Cleaning::Stopped { is_new: true });
        assert_eq!(breaker.note(500, 0, NOW.plus(2)), Cleaning::Stopped { is_new: false });
        let over = NOW.plus(1 + CLEANING_STOPPED_FOR);
        assert_eq!(breaker.note(1, 1, over), Cleaning::Allowed);
    }

    #[test]
    fn what_is_more_than_a_minute_apart_is_not_counted_together() {
        let mut breaker = CleaningBreaker::default();
        for minute in 0..10 {
            assert_eq!(breaker.note(40, 20, NOW.plus(minute * CLEANING_WINDOW)), Cleaning::Allowed);
        }
        assert_eq!(breaker.note(10, 5, NOW.plus(9 * CLEANING_WINDOW + 1)), Cleaning::Stopped { is_new: true });
    }

    #[test]
    fn apps_and_channels_are_watched_apart_and_in_bounds() {
        let breakers = CleaningBreakers::default();
        let app: AppId = "demo".parse().unwrap();
        assert_eq!(breakers.note(&app, Channel::Fcm, 50, 50, NOW), Cleaning::Stopped { is_new: true });
        assert_eq!(breakers.note(&app, Channel::Apns, 1, 1, NOW), Cleaning::Allowed);
        assert_eq!(breakers.stop(&app, Channel::Apns, NOW), Cleaning::Stopped { is_new: true });
        for n in 0..2 * WATCHED_MAX {
            breakers.note(&format!("app-{n}").parse().unwrap(), Channel::Fcm, 1, 1, NOW.plus(1));
        }
        assert_eq!(breakers.0.lock().unwrap().len(), WATCHED_MAX);
    }
}
