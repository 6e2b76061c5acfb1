//! Whether the device is still there: heartbeats, probes, and the request to move.

use core::net::SocketAddr;

use homing_domain::{HeartbeatSettings, Interval, Millis, UnixMillis};
use homing_wire::{GoAway, HeartbeatConfig, HeartbeatInterval, Ping, Pong};

use crate::Transport;
use crate::limits::{PING_BURST, PING_EVERY};

#[derive(Debug)]
pub(super) struct Liveness {
    transport: Transport,
    settings: HeartbeatSettings,
    heard_at: UnixMillis,
    /// What the device announced; the longest interval until it did, which is a new connection's longer grace.
    announced: Option<Millis>,
    probe_at: Option<UnixMillis>,
    /// Where its bytes come from, until a Pong has said so.
    observed: Option<SocketAddr>,
    told: Option<SocketAddr>,
    drain: Option<Millis>,
    pings_allowed: u32,
    pings_counted_at: UnixMillis,
}

impl Liveness {
    pub(super) const fn new(now: UnixMillis, transport: Transport, settings: &HeartbeatSettings) -> Self {
        Self {
            transport,
            settings: *settings,
            heard_at: now,
            announced: None,
            probe_at: None,
            observed: None,
            told: None,
            drain: None,
            pings_allowed: PING_BURST,
            pings_counted_at: now,
        }
    }

    /// Bytes came: the silence that a probe was to end is over.
    pub(super) fn heard(&mut self, now: UnixMillis) {
        self.heard_at = self.heard_at.max(now);
        self.probe_at = None;
    }

    pub(super) const fn observed(&mut self, address: SocketAddr) {
        self.observed = Some(address);
    }

    /// Something goes out: a probe would show no more than it does.
    pub(super) const fn sent(&mut self) {
        self.probe_at = None;
    }

    pub(super) const fn probe_at(&self) -> Option<UnixMillis> {
        self.probe_at
    }

    pub(super) fn dead_at(&self) -> UnixMillis {
        let longest = self.interval().maximum;
        self.heard_at.plus(self.settings.idle_after(self.announced.map_or(longest, |announced| announced.min(longest))))
    }

    pub(super) const fn drain(&mut self, spread: Millis) {
        self.drain = Some(spread);
    }

    /// Takes a heartbeat in. `None` = they come too fast.
    pub(super) fn ping(&mut self, now: UnixMillis, ping: &Ping) -> Option<Pong> {
        let earned = u32::try_from(now.since(self.pings_counted_at) / PING_EVERY).unwrap_or(PING_BURST);
        if earned > 0 {
            self.pings_allowed = self.pings_allowed.saturating_add(earned).min(PING_BURST);
            self.pings_counted_at = now;
        }
        self.pings_allowed = self.pings_allowed.checked_sub(1)?;
        if ping.next_ms > 0 {
            self.announced = Some(Millis::from(ping.next_ms).max(HeartbeatSettings::FLOOR));
        } else if self.announced.is_none() {
            // It does as it was told in the beginning.
            self.announced = Some(self.interval().initial);
        }
        let go_away =
            self.drain.take().map(|spread| GoAway { spread_ms: milliseconds(spread), address: String::new() });
        let observed = self.observed.filter(|address| self.told.replace(*address) != Some(*address));
        Some(Pong {
            observed: observed.map(|address| address.to_string()).unwrap_or_default(),
            go_away,
            heartbeat: None,
            feed_offset: 0,
        })
    }

    /// A probe was asked for: to be called after the Pong went out.
    pub(super) fn ask_probe(&mut self, now: UnixMillis, after_ms: u32) {
        let after = Millis::from(after_ms).min(HeartbeatSettings::CEILING);
        self.probe_at = (after > 0).then(|| now.plus(after));
    }

    /// Returns what to tell the device, if anything is new to it.
    pub(super) fn change(&mut self, settings: &HeartbeatSettings) -> Option<HeartbeatConfig> {
        let before = self.config();
        self.settings = *settings;
        Some(self.config()).filter(|config| *config != before)
    }

    pub(super) fn config(&self) -> HeartbeatConfig {
        let Interval { initial, minimum, maximum } = self.interval();
        HeartbeatConfig {
            interval: Some(HeartbeatInterval {
                initial: milliseconds(initial),
                minimum: milliseconds(minimum),
                maximum: milliseconds(maximum),
            }),
            idle_factor_percent: self.settings.idle_factor_percent,
        }
    }

    const fn interval(&self) -> Interval {
        match self.transport {
            Transport::Quic => self.settings.quic,
            Transport::Tcp => self.settings.tcp,
        }
    }
}

fn milliseconds(span: Millis) -> u32 {
    u32::try_from(span).unwrap_or(u32::MAX)
}
