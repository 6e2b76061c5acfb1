//! When to beat: as seldom as the network allows, which is learned (device-link design, section 5; ADR 0017).
//!
//! Over QUIC the device asks for [`probing`]: what comes through after a silence proves it, and what does not costs nothing.
//! Over TCP a silence that is too long costs the link, so nothing is asked for: each answered heartbeat proves the silence
//! before it, and the next one may come a sixteenth later.

mod learned;
mod networks;
mod pace;
mod power;
mod probing;

use homing_domain::{HeartbeatSettings, Interval, Millis, UnixMillis};
use homing_wire::HeartbeatConfig;

pub use self::learned::{Failed, Learned, PROBES_A_DAY_MAX};
pub(super) use self::networks::Suspicion;
pub use self::networks::{Lesson, NETWORKS_MAX, Networks};
use self::pace::Pace;
pub use self::power::Power;
use self::probing::{PROBE_WITHIN, Probing};
use crate::Transport;

/// A Pong later than this is late: the radio or the path is in trouble.
const LATE_AFTER: Millis = 5_000;
/// A link on which nothing came for so long after a Ping is dead.
const DEAD_AFTER: Millis = 15_000;

#[derive(Debug)]
pub(super) struct Heartbeat {
    transport: Transport,
    power: Power,
    bounds: Interval,
    learned: Learned,
    /// What is known differs from what was told.
    is_news: bool,
    probing: Probing,
    pace: Pace,
    interval: Millis,
    /// The interval that was told.
    shown: Millis,
    /// What the gateway reckons with.
    announced: Millis,
    next_ping: UnixMillis,
    /// The unanswered Ping.
    asked: Option<UnixMillis>,
    /// The silence that it ended.
    tested: Millis,
    /// Nothing was sent or heard since.
    quiet_since: UnixMillis,
    /// Something came since the Ping.
    heard: bool,
    /// This end's address as the gateway last saw it.
    observed: Option<Box<str>>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// A Ping.
    Ping {
        /// Announces the time to the next one; 0 = unchanged.
        next: Millis,
        /// Asks for a probe after this; 0 = none.
        probe_after: Millis,
    },
    /// The link is dead.
    Dead,
}

impl Heartbeat {
    pub(super) fn new(
        now: UnixMillis,
        transport: Transport,
        config: Option<&HeartbeatConfig>,
        power: Power,
        learned: Learned,
    ) -> Self {
        let defaults = HeartbeatSettings::default();
        let default = match transport {
            Transport::Quic => defaults.quic,
            Transport::Tcp => defaults.tcp,
        };
        let given = config.and_then(bounds).unwrap_or(default);
        let bounds = power.within(given);
        let interval = learned.interval(&bounds);
        Self {
            transport,
            power,
            bounds,
            learned,
            is_news: false,
            probing: Probing::new(now),
            pace: Pace::default(),
            interval,
            shown: interval,
            // Until it hears otherwise.
            announced: given.initial,
            next_ping: now.plus(interval),
            asked: None,
            tested: 0,
            quiet_since: now,
            heard: false,
            observed: None,
        }
    }

    pub(super) const fn interval(&self) -> Millis {
        self.interval
    }

    /// The interval, if it is another one than the last time.
    pub(super) fn new_interval(&mut self) -> Option<Millis> {
        let interval = self.interval;
        (std::mem::replace(&mut self.shown, interval) != interval).then_some(interval)
    }

    /// What is known, if it is more than the last time.
    pub(super) fn new_lesson(&mut self) -> Option<Learned> {
        std::mem::take(&mut self.is_news).then_some(self.learned)
    }

    /// New settings. If the interval changes, a Ping announces it at once.
    pub(super) fn configure(&mut self, now: UnixMillis, config: &HeartbeatConfig) {
        let Some(bounds) = bounds(config).map(|bounds| self.power.within(bounds)) else {
            return;
        };
        if bounds == self.bounds {
            return;
        }
        self.bounds = bounds;
        self.disturb(now);
        // A longer wait than the new bounds allow may be under way.
        self.next_ping = self.next_ping.min(now.plus(bounds.maximum));
        let before = self.interval;
        self.refresh(now);
        if self.interval != before {
            self.next_ping = now;
        }
    }

    /// The device is on another network, and the link is still there. A Ping at once shows the gateway the new address.
    pub(super) fn network_changed(&mut self, now: UnixMillis, learned: Learned) {
        self.learned = learned;
        self.is_news = false;
        self.probing = Probing::new(now);
        self.pace = Pace::default();
        self.observed = None;
        self.refresh(now);
        self.next_ping = now;
        // What this Ping ends was silence on two networks.
        self.quiet_since = now;
    }

    /// Bytes came.
    pub(super) const fn heard(&mut self, now: UnixMillis) {
        self.heard = true;
        self.quiet_since = now;
    }

    /// Something other than a heartbeat goes out.
    pub(super) fn sent(&mut self, now: UnixMillis) {
        self.quiet_since = now;
        self.disturb(now);
    }

    /// The silence that a probe was to end was broken: nothing can be learned from it.
    pub(super) fn disturb(&mut self, now: UnixMillis) {
        if self.probing.disturb() {
            self.next_ping = self.next_ping.min(now.plus(self.interval));
        }
    }

    /// The gateway's probe came. In time it proves the silence, and the device is awake: it beats at once.
    pub(super) fn probed(&mut self, now: UnixMillis) {
        if self.asked.is_some() {
            // It was held up by a forgotten binding, until the last Ping made a new one: what that Ping asked for comes after
            // its Pong.
            return;
        }
        if self.probing.arrived(&mut self.learned, now) {
            self.is_news = true;
            self.refresh(now);
            self.next_ping = now;
        } else {
            self.disturb(now);
        }
    }

    /// A Pong came.
    pub(super) fn ponged(&mut self, now: UnixMillis, observed: &str) {
        self.see(now, observed);
        let Some(asked) = self.asked.take() else {
            return;
        };
        let is_timely = now.since(asked) <= LATE_AFTER;
        self.pace.note(is_timely);
        if let Some(deadline) = self.probing.begin(now) {
            self.next_ping = deadline;
        }
        self.is_news |= self.probing.answered(&mut self.learned, is_timely, now);
        self.is_news |= self.transport == Transport::Tcp && self.learned.prove(self.tested);
        self.refresh(now);
    }

    pub(super) fn next_timeout(&self) -> UnixMillis {
        match self.asked {
            Some(asked) if !self.heard => asked.plus(DEAD_AFTER),
            _ => self.next_ping,
        }
    }

    pub(super) fn timeout(&mut self, now: UnixMillis) -> Option<Beat> {
        if now < self.next_timeout() {
            return None;
        }
        match self.asked {
            Some(_) if !self.heard => return Some(Beat::Dead),
            // Other things came, but the Pong is lost.
            Some(_) => self.pace.note(false),
            None => {}
        }
        self.probing.close(now);
        self.refresh(now);
        self.tested = now.since(self.quiet_since);
        self.asked = Some(now);
        self.heard = false;
        self.quiet_since = now;
        let (wait, probe_after) = self.wait(now);
        self.next_ping = now.plus(wait);
        let next = if self.announced == wait { 0 } else { wait };
        self.announced = wait;
        Some(Beat::Ping { next, probe_after })
    }

    /// The link broke. The silence after which it did, if that may have been the reason.
    pub(super) fn suspect(&self) -> Option<Millis> {
        let is_unanswered = self.asked.is_some() && !self.heard;
        (self.transport == Transport::Tcp && is_unanswered).then_some(self.tested)
    }

    /// How long to the next heartbeat, and the probe to ask for.
    fn wait(&mut self, now: UnixMillis) -> (Millis, Millis) {
        if !self.pace.is_calm() {
            return (self.interval, 0);
        }
        match self.transport {
            Transport::Quic => match self.probing.ask(&mut self.learned, &self.bounds, now) {
                Some(silence) => {
                    self.is_news = true;
                    (silence + PROBE_WITHIN, silence)
                }
                None => (self.interval, 0),
            },
            Transport::Tcp => {
                let longer = self.learned.next_try(self.transport, &self.bounds, now);
                (longer.unwrap_or(self.interval).max(self.interval), 0)
            }
        }
    }

    fn see(&mut self, now: UnixMillis, observed: &str) {
        if observed.is_empty() || self.observed.as_deref() == Some(observed) {
            return;
        }
        if self.observed.replace(observed.into()).is_some() {
            // Either the network forgot the old address during the silence, or the device moved.
            self.probing.doubt(now);
        }
    }

    fn refresh(&mut self, now: UnixMillis) {
        let interval = self.pace.apply(self.learned.interval(&self.bounds), &self.bounds);
        if interval < self.interval {
            self.next_ping = self.next_ping.min(now.plus(interval));
        }
        self.interval = interval;
    }
}

fn bounds(config: &HeartbeatConfig) -> Option<Interval> {
    let wire = config.interval?;
    let interval = Interval {
        initial: Millis::from(wire.initial),
        minimum: Millis::from(wire.minimum).max(HeartbeatSettings::FLOOR),
        maximum: Millis::from(wire.maximum).min(HeartbeatSettings::CEILING),
    };
    (interval.minimum <= interval.initial && interval.initial <= interval.maximum).then_some(interval)
}

#[cfg(test)]
mod tests;
