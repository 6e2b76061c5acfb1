//! The networks a device knows.

use homing_domain::{Millis, UnixMillis};

use super::learned::Learned;
use crate::Transport;

/// Networks that are remembered: home, work, a few cells' providers and the places of a year. 64 × 100 bytes.
pub const NETWORKS_MAX: usize = 64;
/// Links in a row that die at a heartbeat that was proven: the first may have met a gateway that went away.
const DEATHS_TO_BELIEVE: u32 = 2;

/// What was learned of one network, to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// The network; 0 = the one without a name.
    pub network_hash: u64,
    /// Over what.
    pub transport: Transport,
    /// What is known now.
    pub learned: Learned,
}

/// All that a device has learned. The network that was not used for the longest time gives way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// The last used stands last.
    known: Vec<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    hash: u64,
    quic: Learned,
    tcp: Learned,
}

impl Network {
    const fn of(&mut self, transport: Transport) -> &mut Learned {
        match transport {
            Transport::Quic => &mut self.quic,
            Transport::Tcp => &mut self.tcp,
        }
    }
}

impl Networks {
    /// Takes a lesson in.
    pub fn apply(&mut self, lesson: Lesson) {
        let place = self.known.iter().position(|network| network.hash == lesson.network_hash);
        let mut network = match place {
            Some(place) => self.known.remove(place),
            None => Network { hash: lesson.network_hash, quic: Learned::default(), tcp: Learned::default() },
        };
        *network.of(lesson.transport) = lesson.learned;
        if self.known.len() == NETWORKS_MAX {
            self.known.remove(0);
        }
        self.known.push(network);
    }

    /// The lessons that lead here, the network that was used last at the end.
    pub fn lessons(&self) -> impl Iterator<Item = Lesson> + '_ {
        self.known.iter().flat_map(|network| {
            let lesson = |transport, learned| Lesson { network_hash: network.hash, transport, learned };
            let both = [lesson(Transport::Quic, network.quic), lesson(Transport::Tcp, network.tcp)];
            both.into_iter().filter(|lesson| lesson.learned != Learned::default())
        })
    }

    /// What is known of a network.
    #[must_use]
    pub fn learned(&self, network_hash: u64, transport: Transport) -> Learned {
        let found = self.known.iter().find(|network| network.hash == network_hash).copied();
        found.map_or_else(Learned::default, |mut network| *network.of(transport))
    }

    /// The device is on this network again. The lesson to be kept, unless it was the last used already.
    pub(in crate::client) fn visit(&mut self, network_hash: u64, transport: Transport) -> Option<Lesson> {
        let place = self.known.iter().position(|network| network.hash == network_hash)?;
        if place + 1 == self.known.len() {
            return None;
        }
        let lesson = Lesson { network_hash, transport, learned: self.learned(network_hash, transport) };
        self.apply(lesson);
        Some(lesson)
    }
}

/// A link over TCP that died at a heartbeat. Whether the network had forgotten it or was away altogether shows at the next
/// try to connect: if that succeeds at once, the silence was too long.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Suspicion {
    network_hash: u64,
    silence: Millis,
    /// Links in a row that died so on this network.
    deaths: u32,
    is_open: bool,
}

impl Suspicion {
    /// A link died after this silence.
    pub(in crate::client) const fn raise(&mut self, network_hash: u64, silence: Millis) {
        let deaths = if self.network_hash == network_hash { self.deaths.saturating_add(1) } else { 1 };
        *self = Self { network_hash, silence, deaths, is_open: true };
    }

    /// No connection comes up: the network is away, and says nothing about silences.
    pub(in crate::client) const fn network_is_away(&mut self) {
        *self = Self { is_open: false, deaths: 0, ..*self };
    }

    /// A heartbeat was answered.
    pub(in crate::client) fn disprove(&mut self, network_hash: u64, transport: Transport) {
        if self.network_hash == network_hash && transport == Transport::Tcp {
            self.deaths = 0;
        }
    }

    /// The device is connected again: what that says about the network.
    pub(in crate::client) fn verdict(
        &mut self,
        network_hash: u64,
        networks: &mut Networks,
        now: UnixMillis,
    ) -> Option<Lesson> {
        if !std::mem::take(&mut self.is_open) || self.network_hash != network_hash {
            return None;
        }
        let mut learned = networks.learned(network_hash, Transport::Tcp);
        if self.silence <= learned.proven && self.deaths < DEATHS_TO_BELIEVE {
            return None;
        }
        self.deaths = 0;
        learned.fail(self.silence, now);
        let lesson = Lesson { network_hash, transport: Transport::Tcp, learned };
        networks.apply(lesson);
        Some(lesson)
    }
}

#[cfg(test)]
mod tests;
