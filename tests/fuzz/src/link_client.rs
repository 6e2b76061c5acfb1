//! A device against a gateway that says anything.

use bytes::{Bytes, BytesMut};
use homing_domain::{DeviceId, MessageId, UnixMillis};
use homing_link::Transport;
use homing_link::client::{
    Arrival, Commit, Cursor, Effect, Introduction, Live, Memory, Opened, Opening, Saved, Upload,
};
use homing_wire::{
    Ack, Close, FactKind, Frame, GoAway, HeartbeatConfig, HeartbeatInterval, Pong, Push, Recall, Skip, UpAck, Welcome,
    encode,
};

use crate::script::Script;

/// The device delivers each message once, its cursor only rises, and it acknowledges nothing that is not durable.
pub fn link_client(data: &[u8]) {
    let mut script = Script::new(data);
    let saved = Saved {
        cursor: Cursor { epoch: 7, seq: script.number(), feed: script.number() },
        conn_seq: 1,
        ..Saved::default()
    };
    let mut device = Device {
        memory: Memory::new(saved.clone()),
        now: UnixMillis(1_000_000),
        written: saved.cursor,
        commits: Vec::new(),
        last_commit: 0,
        delivered: Vec::new(),
        acked: 0,
        acked_of_feed: 0,
    };
    while !script.is_over() {
        device.connect(&mut script);
    }
}

struct Device {
    memory: Memory,
    now: UnixMillis,
    /// Where the last commit given out put the cursor.
    written: Cursor,
    commits: Vec<Commit>,
    last_commit: u64,
    delivered: Vec<MessageId>,
    acked: u64,
    acked_of_feed: u64,
}

impl Device {
    fn connect(&mut self, script: &mut Script<'_>) {
        let introduction = Introduction {
            app: "demo".parse().expect("an app id"),
            device: DeviceId::from_bytes([1; 16]),
            key_id: 1,
            credential_generation: 1,
            conn_seq: self.memory.raise_connection(),
            auth: [2; 16],
            transport: if script.flag() { Transport::Quic } else { Transport::Tcp },
            network_hash: 0,
            sdk: "fuzz".into(),
        };
        (self.acked, self.acked_of_feed) = (0, 0);
        // A Hello names what is durable; what the last link brought has been written by now.
        if let Some(last) = self.commits.last() {
            self.memory.committed(last.number, self.now);
            self.commits.clear();
        }
        let (opening, hello) = Opening::new(self.now, &introduction, &self.memory);
        let Frame::Hello(hello) = hello else { panic!("the first frame is a Hello") };
        assert_eq!(Cursor { epoch: hello.epoch, seq: hello.last_seq, feed: hello.feed_offset }, self.memory.cursor());
        let first = if script.flag() { script.bytes(32).to_vec() } else { self.welcome(script) };
        if let Opened::Live(mut live) = opening.receive(self.now, &first, &mut self.memory) {
            while !script.is_over() && self.perform(&mut live) {
                if !self.step(script, &mut live) {
                    return;
                }
            }
            self.perform(&mut live);
        }
    }

    fn welcome(&self, script: &mut Script<'_>) -> Vec<u8> {
        let resumption = i32::from(script.byte() % 3);
        let lo = script.number();
        let epoch = if script.flag() { self.memory.cursor().epoch } else { script.number() };
        let heartbeat = script.flag().then(|| heartbeat(script));
        bytes_of(Welcome { resumption, epoch, lo, hi: script.number(), heartbeat, server_ms: script.number() })
    }

    /// False = the link is over.
    fn step(&mut self, script: &mut Script<'_>, live: &mut Live) -> bool {
        let next = self.written.seq;
        let Cursor { feed, .. } = self.written;
        match script.byte() % 9 {
            0 => {
                let count = usize::from(script.byte());
                live.receive(self.now, script.bytes(count), &mut self.memory);
            }
            1 => {
                let seq = if script.flag() { next.wrapping_add(script.within(0, 3)) } else { script.number() };
                let (seq, feed_offset) = match script.byte() % 4 {
                    0 => (0, feed.wrapping_add(script.within(0, 20))),
                    1 => (seq, script.number()),
                    _ => (seq, 0),
                };
                self.receive(live, Push { seq, feed_offset, message: id(script.byte()), ..Push::default() });
            }
            2 => {
                let count = script.number();
                let to_seq = if script.flag() { next.wrapping_add(count) } else { script.number() };
                self.receive(live, Skip { to_seq, reason: i32::from(script.byte() % 6), count });
            }
            3 => {
                let go_away = script.flag().then(|| GoAway { spread_ms: 9, address: String::new() });
                let heartbeat = script.flag().then(|| heartbeat(script));
                let feed_offset = if script.flag() { feed.wrapping_add(script.within(0, 20)) } else { script.number() };
                self.receive(live, Pong { observed: String::new(), go_away, heartbeat, feed_offset });
            }
            4 => match script.byte() % 4 {
                0 => {
                    let seq = if script.flag() { next.wrapping_add(script.within(0, 3)) } else { 0 };
                    let feed_offset = if script.flag() { feed.wrapping_add(script.within(0, 20)) } else { 0 };
                    let (message, recall) = (id(script.byte()), id(script.byte()));
                    self.receive(live, Recall { message, seq, recall, feed_offset });
                }
                1 => self.receive(live, UpAck { id: script.number(), code: i32::from(script.byte() % 4) }),
                2 => self.receive(live, heartbeat(script)),
                _ => self.receive(live, Close { code: i32::from(script.byte()), ..Close::default() }),
            },
            5 => self.write(live),
            6 => {
                let count = script.within(0, 200);
                self.pass(live, count * 100);
            }
            7 => {
                let at = live.next_timeout(&self.memory);
                self.pass(live, at.since(self.now));
                if self.perform(live) {
                    let next = live.next_timeout(&self.memory);
                    assert!(next > self.now, "a timeout at {next} that changes nothing");
                } else {
                    return false;
                }
            }
            _ => {
                let kind = if script.flag() { FactKind::Opened } else { FactKind::Displayed };
                let message = MessageId::from_bytes([script.byte(); 16]);
                // Full is an answer, too.
                let _ = self.memory.add_receipt(message, kind, self.now);
                let upload = Upload { id: script.number(), topic: "t".into(), payload: Bytes::new() };
                let _ = self.memory.add_upload(upload);
                live.update(self.now, &mut self.memory);
            }
        }
        true
    }

    fn receive(&mut self, live: &mut Live, frame: impl Into<Frame>) {
        live.receive(self.now, &bytes_of(frame), &mut self.memory);
    }

    fn pass(&mut self, live: &mut Live, millis: u64) {
        // A year at a time: the clock must not reach its end.
        self.now = self.now.plus(millis.min(31_536_000_000));
        live.timeout(self.now, &mut self.memory);
    }

    /// All that waits to be written is durable.
    fn write(&mut self, live: &mut Live) {
        if let Some(last) = self.commits.last() {
            self.memory.committed(last.number, self.now);
            self.commits.clear();
            live.update(self.now, &mut self.memory);
        }
    }

    /// False = the link is over.
    fn perform(&mut self, live: &mut Live) -> bool {
        let mut is_over = false;
        while let Some(effect) = live.poll() {
            assert!(!is_over, "{effect:?} after the last effect");
            match effect {
                Effect::Transmit(Frame::Ack(ack)) => self.acknowledge(&ack),
                Effect::Transmit(Frame::Ping(ping)) => {
                    if let Some(ack) = &ping.ack {
                        self.acknowledge(ack);
                    }
                }
                Effect::Commit(commit) => self.commit(commit),
                Effect::End(_) => is_over = true,
                _ => {}
            }
        }
        !is_over
    }

    fn acknowledge(&mut self, ack: &Ack) {
        let Ack { seq, feed_offset, .. } = *ack;
        // What the device was given at the start is durable; beyond it only what was written is.
        assert!(seq <= self.memory.cursor().seq || seq <= self.acked, "{seq} is acknowledged and not durable");
        assert!(seq >= self.acked, "{seq} after {}", self.acked);
        self.acked = seq;
        if feed_offset != 0 {
            assert!(feed_offset <= self.memory.cursor().feed, "{feed_offset} is acknowledged and not durable");
            assert!(feed_offset > self.acked_of_feed, "{feed_offset} after {}", self.acked_of_feed);
            self.acked_of_feed = feed_offset;
        }
    }

    fn commit(&mut self, commit: Commit) {
        assert_eq!(commit.number, self.last_commit + 1);
        self.last_commit = commit.number;
        match &commit.arrival {
            // What lies below a reset is gone: an Ack may say so before the reset is written.
            Arrival::Reset => self.acked = commit.cursor.seq,
            Arrival::Message(message) => {
                assert!(!self.delivered.contains(&message.id), "{:?} twice", message.id);
                self.delivered.push(message.id);
                assert!(commit.cursor.seq == message.seq || message.seq == 0);
            }
            // A recall without a number moves nothing, be it new or a repeat.
            Arrival::Recalled { .. } | Arrival::Duplicate(_) => {}
            Arrival::PassedOver => assert!(commit.cursor.feed > self.written.feed, "the cursor stands"),
            _ => assert!(commit.cursor.seq > self.written.seq, "the cursor stands"),
        }
        if commit.arrival != Arrival::Reset {
            assert_eq!(commit.cursor.epoch, self.written.epoch);
            assert!(commit.cursor.seq >= self.written.seq, "the cursor went back");
        }
        assert!(commit.cursor.feed >= self.written.feed, "the offset went back");
        self.written = commit.cursor;
        self.commits.push(commit);
    }
}

fn heartbeat(script: &mut Script<'_>) -> HeartbeatConfig {
    let mut number = || u32::try_from(script.number()).unwrap_or(u32::MAX);
    let interval = HeartbeatInterval { initial: number(), minimum: number(), maximum: number() };
    HeartbeatConfig { interval: Some(interval), idle_factor_percent: number() }
}

fn id(byte: u8) -> Bytes {
    // One in 256 is malformed.
    if byte == 255 { Bytes::new() } else { Bytes::copy_from_slice(&[byte; 16]) }
}

fn bytes_of(frame: impl Into<Frame>) -> Vec<u8> {
    let mut buffer = BytesMut::new();
    encode(&frame.into(), &mut buffer);
    buffer.to_vec()
}
