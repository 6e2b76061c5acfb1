//! One device and one gateway, both as they are, on a network that forgets. The clock jumps from event to event.

use bytes::BytesMut;
use homing_domain::{HeartbeatSettings, Millis, UnixMillis};
use homing_link::Transport;
use homing_link::client::{
    Arrival, Backoff, Effect, Ended, Introduction, Live, Memory, Next, Opened, Opening, Power, Reconnect, Saved,
};
use homing_wire::{Frame, encode};

use crate::gateway::{DEVICE, Gateway};
use crate::network::{Network, Outages, Pipe, Random};

/// A try to connect into nothing takes this long.
const CONNECT_TIMEOUT: Millis = 5_000;

/// What happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Heartbeats, each of which wakes the radio.
    pub(crate) pings: u64,
    /// Those that asked for a probe.
    pub(crate) probes_asked: u64,
    pub(crate) outages: Outages,
    /// Links that ended.
    pub(crate) lost: u64,
    /// How late messages were, in order.
    pub(crate) delays: Vec<Millis>,
}

enum Link {
    Away { until: UnixMillis },
    Opening(Opening),
    Live(Box<Live>),
}

pub(crate) struct World {
    pub(crate) now: UnixMillis,
    random: Random,
    pub(crate) network: Network,
    transport: Transport,
    gateway: Gateway,
    pub(crate) memory: Memory,
    reconnect: Reconnect,
    link: Link,
    pipe: Option<Pipe>,
    next_port: u16,
    /// Mean time between messages; 0 = none come.
    pub(crate) push_every: Millis,
    next_push: UnixMillis,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64, network: Network, transport: Transport) -> Self {
        let mut memory = Memory::new(Saved::default());
        memory.set_power(Power::Battery);
        let now = UnixMillis(1_700_000_000_000);
        Self {
            now,
            random: Random(seed),
            network,
            transport,
            gateway: Gateway::new(HeartbeatSettings::default()),
            memory,
            reconnect: Reconnect::new(Backoff::default()),
            link: Link::Away { until: now },
            pipe: None,
            next_port: 1_024,
            push_every: 0,
            next_push: UnixMillis::NEVER,
            tally: Tally::default(),
        }
    }

    /// Messages come at random, this often.
    pub(crate) fn push_every(&mut self, mean: Millis) {
        self.push_every = mean;
        self.next_push = self.now.plus(self.random.below(2 * mean));
    }

    /// The heartbeat's interval, while a link lives.
    pub(crate) fn interval(&self) -> Option<Millis> {
        match &self.link {
            Link::Live(live) => Some(live.heartbeat_interval()),
            Link::Away { .. } | Link::Opening(_) => None,
        }
    }

    /// The device moves to another network. `is_told` = the app says so.
    pub(crate) fn move_to(&mut self, network: Network, is_told: bool) {
        self.network = network;
        if let Some(pipe) = &mut self.pipe {
            pipe.moved(self.now);
        }
        if let Link::Live(live) = &mut self.link
            && is_told
        {
            live.network_changed(self.now, network.hash, &mut self.memory);
        }
    }

    /// Starts over on another transport.
    pub(crate) fn switch_to(&mut self, transport: Transport) {
        self.transport = transport;
        self.pipe = None;
        self.link = Link::Away { until: self.now };
    }

    pub(crate) fn configure(&mut self, settings: HeartbeatSettings) {
        self.gateway.configure(self.now, settings, self.pipe.as_mut());
    }

    pub(crate) const fn probes_sent(&self) -> u64 {
        self.gateway.probes
    }

    /// Counts from nothing, and gives what was counted.
    pub(crate) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    pub(crate) fn run_for(&mut self, span: Millis) {
        let end = self.now.plus(span);
        self.run_until(end, |_| false);
    }

    /// Until the time or the condition has come.
    pub(crate) fn run_until(&mut self, end: UnixMillis, mut is_done: impl FnMut(&Self) -> bool) {
        while !is_done(self) {
            let next = self.next_at();
            if next > end {
                self.now = end;
                return;
            }
            self.now = next.max(self.now);
            self.step();
        }
    }

    fn next_at(&self) -> UnixMillis {
        let device = match &self.link {
            Link::Away { until } => *until,
            Link::Opening(opening) => opening.deadline(),
            Link::Live(live) => live.next_timeout(&self.memory),
        };
        let network =
            self.pipe.as_ref().map_or(UnixMillis::NEVER, |pipe| pipe.next_at().min(self.gateway.next_timeout()));
        device.min(network).min(self.next_push)
    }

    fn step(&mut self) {
        let now = self.now;
        if self.next_push <= now {
            self.next_push = now.plus(1 + self.random.below(2 * self.push_every));
            self.gateway.push(now, self.pipe.as_mut());
        }
        if let Some(pipe) = &mut self.pipe {
            self.gateway.timeout(now, pipe);
            while let Some((port, bytes)) = pipe.arrived_up(now) {
                self.gateway.receive(now, port, &bytes, pipe);
            }
            pipe.attempt_down(now, &self.network, &mut self.random);
        }
        while let Some(bytes) =
            self.pipe.as_mut().and_then(|pipe| pipe.arrived_down(now, &self.network, &mut self.tally.outages))
        {
            self.receive(&bytes);
        }
        match &mut self.link {
            Link::Away { until } if *until <= now => self.connect(),
            Link::Opening(opening) if opening.deadline() <= now => self.ended(Ended::Unreachable, false),
            Link::Live(live) if live.next_timeout(&self.memory) <= now => {
                live.timeout(now, &mut self.memory);
                self.perform();
            }
            _ => {}
        }
    }

    fn connect(&mut self) {
        if self.network.tunnel_end(self.now).is_some() {
            self.now = self.now.plus(CONNECT_TIMEOUT);
            return self.ended(Ended::Unreachable, false);
        }
        let conn_seq = self.memory.raise_connection();
        let introduction = Introduction {
            app: "demo".parse().expect("an app"),
            device: DEVICE,
            key_id: 1,
            credential_generation: 1,
            conn_seq,
            auth: [0; 16],
            transport: self.transport,
            network_hash: self.network.hash,
            sdk: "test".into(),
        };
        let (opening, hello) = Opening::new(self.now, &introduction, &self.memory);
        self.next_port = self.next_port.wrapping_add(1_000);
        self.pipe = Some(Pipe::new(self.now, self.transport, self.next_port));
        self.gateway.accept(self.now, self.transport);
        self.link = Link::Opening(opening);
        self.send(&hello);
    }

    fn receive(&mut self, bytes: &[u8]) {
        match std::mem::replace(&mut self.link, Link::Away { until: UnixMillis::NEVER }) {
            Link::Away { until } => self.link = Link::Away { until },
            Link::Opening(opening) => match opening.receive(self.now, bytes, &mut self.memory) {
                Opened::Waiting(opening) => self.link = Link::Opening(opening),
                Opened::Live(live) => {
                    self.link = Link::Live(live);
                    self.reconnect.welcomed();
                }
                Opened::Ended(ended) => self.ended(ended, false),
            },
            Link::Live(mut live) => {
                live.receive(self.now, bytes, &mut self.memory);
                self.link = Link::Live(live);
            }
        }
        self.perform();
    }

    fn perform(&mut self) {
        while let Link::Live(live) = &mut self.link {
            let Some(effect) = live.poll() else { return };
            match effect {
                Effect::Transmit(frame) => self.send(&frame),
                Effect::Commit(commit) => {
                    self.memory.committed(commit.number, self.now);
                    if let Arrival::Message(message) = commit.arrival {
                        self.tally.delays.push(self.now.since(message.accepted_at));
                    }
                    live.update(self.now, &mut self.memory);
                }
                Effect::End(ended) => self.ended(ended, true),
                _ => {}
            }
        }
    }

    fn send(&mut self, frame: &Frame) {
        if let Frame::Ping(ping) = frame {
            self.tally.pings += 1;
            self.tally.probes_asked += u64::from(ping.probe_after_ms > 0);
        }
        let mut bytes = BytesMut::new();
        encode(frame, &mut bytes);
        if let Some(pipe) = &mut self.pipe {
            pipe.send_up(self.now, bytes.to_vec(), &self.network, &mut self.random, &mut self.tally.outages);
        }
    }

    fn ended(&mut self, ended: Ended, was_live: bool) {
        self.tally.lost += u64::from(was_live);
        self.pipe = None;
        let next = self.reconnect.ended(ended, was_live, &mut self.memory, self.random.next());
        let Next::Wait(wait) = next else { panic!("{next:?}") };
        self.link = Link::Away { until: self.now.plus(wait) };
    }
}
