//! When to beat. The interval is the server's for now; late answers shorten it (device-link design, section 5).

use homing_domain::{HeartbeatSettings, Interval, Millis, UnixMillis};
use homing_wire::HeartbeatConfig;

use crate::Transport;

/// A Pong later than this is late: the radio or the path is in trouble.
const LATE_AFTER: Millis = 5_000;
/// A link on which nothing came for so long after a Ping is dead.
const DEAD_AFTER: Millis = 15_000;
/// Late in a row: halve the interval.
const LATE_HALVES: u32 = 2;
/// Late in a row: beat as often as allowed.
const LATE_MINIMUM: u32 = 3;

#[derive(Debug)]
pub(super) struct Heartbeat {
    bounds: Interval,
    interval: Millis,
    /// What the gateway reckons with.
    announced: Millis,
    next_ping: UnixMillis,
    /// The unanswered Ping.
    asked: Option<UnixMillis>,
    /// Something came since the Ping.
    heard: bool,
    late: u32,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// A Ping that announces the time to the next one; 0 = unchanged.
    Ping { next: Millis },
    /// The link is dead.
    Dead,
}

impl Heartbeat {
    pub(super) fn new(now: UnixMillis, transport: Transport, config: Option<&HeartbeatConfig>) -> Self {
        let defaults = HeartbeatSettings::default();
        let default = match transport {
            Transport::Quic => defaults.quic,
            Transport::Tcp => defaults.tcp,
        };
        let bounds = config.and_then(bounds).unwrap_or(default);
        Self {
            bounds,
            interval: bounds.initial,
            announced: bounds.initial,
            next_ping: now.plus(bounds.initial),
            asked: None,
            heard: false,
            late: 0,
        }
    }

    pub(super) const fn interval(&self) -> Millis {
        self.interval
    }

    /// New settings. True = the interval changed; a Ping announces it at once.
    pub(super) fn configure(&mut self, now: UnixMillis, config: &HeartbeatConfig) -> bool {
        let Some(bounds) = bounds(config) else {
            return false;
        };
        if bounds == self.bounds {
            return false;
        }
        self.bounds = bounds;
        self.set_interval(now, bounds.initial)
    }

    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// A Pong came. True = it came so late that the interval changed.
    pub(super) fn ponged(&mut self, now: UnixMillis) -> bool {
        let Some(asked) = self.asked.take() else {
            return false;
        };
        if now.since(asked) <= LATE_AFTER {
            self.late = 0;
            return false;
        }
        self.late += 1;
        match self.late {
            LATE_HALVES => self.set_interval(now, self.interval / 2),
            LATE_MINIMUM.. => self.set_interval(now, self.bounds.minimum),
            _ => false,
        }
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
        if self.asked.is_some() && !self.heard {
            return Some(Beat::Dead);
        }
        self.asked = Some(now);
        self.heard = false;
        self.next_ping = now.plus(self.interval);
        let next = if self.announced == self.interval { 0 } else { self.interval };
        self.announced = self.interval;
        Some(Beat::Ping { next })
    }

    fn set_interval(&mut self, now: UnixMillis, interval: Millis) -> bool {
        let interval = interval.clamp(self.bounds.minimum, self.bounds.maximum);
        let changed = interval != self.interval;
        if changed {
            self.interval = interval;
            self.next_ping = now;
        }
        changed
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
mod tests {
    use homing_wire::HeartbeatInterval;

    use super::*;

    const START: UnixMillis = UnixMillis(1_000_000);

    fn config(initial: u32, minimum: u32, maximum: u32) -> HeartbeatConfig {
        HeartbeatConfig { interval: Some(HeartbeatInterval { initial, minimum, maximum }), idle_factor_percent: 150 }
    }

    #[test]
    fn it_beats_at_the_interval_and_dies_unanswered() {
        let mut beat = Heartbeat::new(START, Transport::Quic, Some(&config(20_000, 10_000, 60_000)));
        assert_eq!(beat.timeout(START.plus(19_999)), None);
        assert_eq!(beat.timeout(START.plus(20_000)), Some(Beat::Ping { next: 0 }));
        assert_eq!(beat.next_timeout(), START.plus(35_000));
        assert_eq!(beat.timeout(START.plus(35_000)), Some(Beat::Dead));
    }

    #[test]
    fn any_byte_after_the_ping_proves_life() {
        let mut beat = Heartbeat::new(START, Transport::Quic, Some(&config(20_000, 10_000, 60_000)));
        beat.timeout(START.plus(20_000));
        beat.heard();
        assert_eq!(beat.timeout(START.plus(35_000)), None);
        assert_eq!(beat.timeout(START.plus(40_000)), Some(Beat::Ping { next: 0 }));
    }

    #[test]
    fn late_answers_shorten_it_and_it_is_announced() {
        let mut beat = Heartbeat::new(START, Transport::Tcp, Some(&config(60_000, 10_000, 60_000)));
        let mut seen = Vec::new();
        for _ in 0..4 {
            let now = beat.next_timeout();
            seen.push(beat.timeout(now).unwrap());
            beat.heard();
            beat.ponged(now.plus(LATE_AFTER + 1));
        }
        let announced = [0, 0, 30_000, 10_000].map(|next| Beat::Ping { next });
        assert_eq!(seen, announced);
        assert_eq!(beat.interval(), 10_000);
    }

    #[test]
    fn a_new_setting_is_announced_at_once() {
        let mut beat = Heartbeat::new(START, Transport::Tcp, None);
        assert_eq!(beat.interval(), 270_000);
        assert!(beat.configure(START, &config(30_000, 10_000, 60_000)));
        assert_eq!(beat.timeout(START), Some(Beat::Ping { next: 30_000 }));
        assert!(!beat.configure(START, &config(30_000, 10_000, 60_000)));
        assert!(!beat.configure(START, &config(5, 10, 1)), "nonsense is ignored");
    }
}
