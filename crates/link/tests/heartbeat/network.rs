//! A network with a NAT, and one transport connection over it: reliable, in order, and silent when the NAT forgets it.

use std::collections::VecDeque;

use homing_domain::{Millis, UnixMillis};
use homing_link::Transport;

/// A lost packet is sent again after this, then after twice as long, and so on up to the second.
const RETRANSMIT_AFTER: Millis = 300;
const RETRANSMIT_AT_MOST: Millis = 60_000;

/// A pseudo-random sequence: the same seed is the same world.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }
}

/// How a network treats a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) hash: u64,
    /// A silent binding is forgotten after this.
    pub(crate) udp_life: Millis,
    pub(crate) tcp_life: Millis,
    /// Packets that come in keep a binding, too (RFC 4787 REQ-6 lets a NAT do either).
    pub(crate) inbound_refreshes: bool,
    /// A binding that was forgotten comes back with the same port, so that nobody can see it.
    pub(crate) keeps_port: bool,
    pub(crate) delay: Millis,
    pub(crate) jitter: Millis,
    pub(crate) loss_per_mille: u64,
    /// No packet passes for the second number in every first one.
    pub(crate) tunnel: Option<(Millis, Millis)>,
}

impl Network {
    pub(crate) const fn new(hash: u64, udp_life: Millis, tcp_life: Millis) -> Self {
        Self {
            hash,
            udp_life,
            tcp_life,
            inbound_refreshes: true,
            keeps_port: false,
            delay: 40,
            jitter: 20,
            loss_per_mille: 0,
            tunnel: None,
        }
    }

    const fn life(&self, transport: Transport) -> Millis {
        match transport {
            Transport::Quic => self.udp_life,
            Transport::Tcp => self.tcp_life,
        }
    }

    /// The end of the tunnel that the device is in.
    pub(crate) fn tunnel_end(&self, now: UnixMillis) -> Option<UnixMillis> {
        let (every, lasts) = self.tunnel?;
        let since = now.0 % every;
        (since < lasts).then(|| now.plus(lasts - since))
    }

    fn delay(&self, random: &mut Random) -> Millis {
        self.delay + random.below(self.jitter + 1)
    }

    const fn loses(&self, random: &mut Random) -> bool {
        random.below(1_000) < self.loss_per_mille
    }
}

/// What the NAT did to the device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outages {
    /// How long nothing could have come in, though the device thought that it was reachable.
    pub(crate) total: Millis,
    pub(crate) longest: Millis,
}

impl Outages {
    fn add(&mut self, outage: Millis) {
        self.total += outage;
        self.longest = self.longest.max(outage);
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Pipe {
    transport: Transport,
    touched: UnixMillis,
    pub(crate) port: u16,
    /// TCP: the NAT forgot it, and nothing brings it back.
    is_dead: bool,
    up: VecDeque<(UnixMillis, u16, Vec<u8>)>,
    down_waiting: VecDeque<Vec<u8>>,
    down_attempt_at: Option<UnixMillis>,
    down_failures: u32,
    down: VecDeque<(UnixMillis, Vec<u8>)>,
    last_up: UnixMillis,
    last_down: UnixMillis,
}

impl Pipe {
    pub(crate) const fn new(now: UnixMillis, transport: Transport, port: u16) -> Self {
        Self {
            transport,
            touched: now,
            port,
            is_dead: false,
            up: VecDeque::new(),
            down_waiting: VecDeque::new(),
            down_attempt_at: None,
            down_failures: 0,
            down: VecDeque::new(),
            last_up: now,
            last_down: now,
        }
    }

    /// A packet leaves the device: the binding is refreshed, or made anew, which over TCP does not help.
    fn touch(&mut self, now: UnixMillis, network: &Network, outages: &mut Outages) {
        let forgotten_at = self.touched.plus(network.life(self.transport));
        if forgotten_at < now && !self.is_dead {
            outages.add(now.since(forgotten_at));
            match self.transport {
                Transport::Quic if network.keeps_port => {}
                Transport::Quic => self.port = self.port.wrapping_add(1),
                Transport::Tcp => self.is_dead = true,
            }
        }
        self.touched = now;
    }

    /// The device moves: the old NAT's binding is of no use any more.
    pub(crate) const fn moved(&mut self, now: UnixMillis) {
        self.touched = now;
        match self.transport {
            Transport::Quic => self.port = self.port.wrapping_add(1),
            Transport::Tcp => self.is_dead = true,
        }
    }

    pub(crate) fn send_up(
        &mut self,
        now: UnixMillis,
        bytes: Vec<u8>,
        network: &Network,
        random: &mut Random,
        outages: &mut Outages,
    ) {
        let mut at = network.tunnel_end(now).unwrap_or(now);
        self.touch(now, network, outages);
        if self.is_dead {
            return;
        }
        let mut again = RETRANSMIT_AFTER;
        while network.loses(random) {
            at = at.plus(again);
            again *= 2;
        }
        self.touched = at;
        self.last_up = self.last_up.max(at.plus(network.delay(random)));
        self.up.push_back((self.last_up, self.port, bytes));
    }

    pub(crate) fn send_down(&mut self, now: UnixMillis, bytes: Vec<u8>) {
        self.down_waiting.push_back(bytes);
        self.down_attempt_at.get_or_insert(now);
    }

    /// When something happens by itself.
    pub(crate) fn next_at(&self) -> UnixMillis {
        let up = self.up.front().map(|(at, ..)| *at);
        let down = self.down.front().map(|(at, _)| *at);
        [up, down, self.down_attempt_at].into_iter().flatten().min().unwrap_or(UnixMillis::NEVER)
    }

    /// What has reached the gateway by now, and from which port.
    pub(crate) fn arrived_up(&mut self, now: UnixMillis) -> Option<(u16, Vec<u8>)> {
        let (_, port, bytes) = self.up.pop_front_if(|(at, ..)| *at <= now)?;
        if self.down_attempt_at.is_some() {
            // The device is heard: what waits is sent at once.
            self.down_failures = 0;
            self.down_attempt_at = Some(now);
        }
        Some((port, bytes))
    }

    /// What has reached the device by now. Its transport acknowledges it.
    pub(crate) fn arrived_down(
        &mut self,
        now: UnixMillis,
        network: &Network,
        outages: &mut Outages,
    ) -> Option<Vec<u8>> {
        let (_, bytes) = self.down.pop_front_if(|(at, _)| *at <= now)?;
        self.touch(now, network, outages);
        Some(bytes)
    }

    /// The gateway's transport sends what waits, or sends it again.
    pub(crate) fn attempt_down(&mut self, now: UnixMillis, network: &Network, random: &mut Random) {
        if self.down_attempt_at.is_none_or(|at| at > now) {
            return;
        }
        let is_bound = !self.is_dead && now <= self.touched.plus(network.life(self.transport));
        if !is_bound || network.tunnel_end(now).is_some() || network.loses(random) {
            let wait = (RETRANSMIT_AFTER << self.down_failures.min(20)).min(RETRANSMIT_AT_MOST);
            self.down_failures += 1;
            self.down_attempt_at = Some(now.plus(wait));
            return;
        }
        if network.inbound_refreshes {
            self.touched = now;
        }
        self.down_failures = 0;
        self.down_attempt_at = None;
        for bytes in std::mem::take(&mut self.down_waiting) {
            self.last_down = self.last_down.max(now.plus(network.delay(random)));
            self.down.push_back((self.last_down, bytes));
        }
    }
}
