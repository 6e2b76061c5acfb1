//! A device: the driver of `link::client` machines, with a durable store that survives crashes and an app that keeps a log.

mod connect;
mod store;
mod vendor;

use std::collections::{HashMap, HashSet, VecDeque};

use homing_domain::{DeviceId, MessageId, Seq, UnixMillis};
use homing_link::Transport;
use homing_link::client::{Arrival, Backoff, Commit, Cursor, Effect, Ended, Live, Memory, Opening, Reconnect, Saved};
use homing_wire::FactKind;

use crate::agenda::Event;
use crate::mutant::Mutant;
use crate::wire::{End, WireId, bytes_of};
use crate::world::World;

/// What a link of a device is.
#[derive(Debug)]
pub(crate) enum State {
    Opening(Opening),
    Live(Box<Live>),
}

/// A link of a device.
#[derive(Debug)]
pub(crate) struct DeviceLink {
    pub(crate) wire: WireId,
    pub(crate) conn_seq: u64,
    pub(crate) state: Option<State>,
    timer_at: UnixMillis,
    /// A newer link was welcomed: nothing that comes on this one counts.
    is_ignored: bool,
}

/// What a device keeps over its restarts, and what its app has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durable {
    pub(crate) saved: Saved,
    /// Committed, and the app's callback has not returned.
    pub(crate) unconfirmed: Vec<(MessageId, Seq)>,
}

/// The app's side.
#[derive(Debug, Default)]
pub(crate) struct AppLog {
    /// How often each message was shown.
    pub(crate) shown: HashMap<MessageId, u32>,
    /// Messages that may be shown again with the same id: the callback had not returned when the device died.
    pub(crate) may_repeat: HashSet<MessageId>,
    /// Messages that were there before the device was restored from a backup: nobody can know of them.
    pub(crate) before_restore: HashSet<MessageId>,
    /// Messages that the app was asked to take back.
    pub(crate) taken_back: HashSet<MessageId>,
    /// Facts that were reported.
    pub(crate) facts: HashSet<(MessageId, FactKind)>,
}

/// A device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) index: usize,
    pub(crate) id: DeviceId,
    pub(crate) life: u64,
    pub(crate) is_on: bool,
    /// It stays away until this.
    pub(crate) away_until: UnixMillis,
    /// It was asked to be deregistered.
    pub(crate) is_deregistered: bool,
    /// It never comes back.
    pub(crate) is_lost: bool,
    pub(crate) durable: Durable,
    pub(crate) backup: Option<Saved>,
    pub(crate) memory: Memory,
    pub(crate) links: Vec<DeviceLink>,
    pub(crate) writes: VecDeque<Commit>,
    pub(crate) written: u64,
    pub(crate) reconnect: Reconnect,
    pub(crate) transport: Transport,
    pub(crate) log: AppLog,
    pub(crate) uploads: u64,
    pub(crate) settled_uploads: HashSet<u64>,
    pub(crate) connected_since: Option<UnixMillis>,
    pub(crate) offline_since: UnixMillis,
    pub(crate) is_connecting: bool,
    /// Largest connection number that was welcomed.
    pub(crate) welcomed: u64,
    /// Where the cursor stood after the last write that was asked for.
    asked: Cursor,
}

impl Device {
    /// A device that has just registered, switched off.
    pub(crate) fn new(index: usize, id: DeviceId, epoch: u64) -> Self {
        let saved = Saved { cursor: Cursor { epoch, seq: 0, feed: 0 }, ..Saved::default() };
        Self {
            index,
            id,
            life: 0,
            is_on: false,
            away_until: UnixMillis(0),
            is_deregistered: false,
            is_lost: false,
            durable: Durable { saved: saved.clone(), unconfirmed: Vec::new() },
            backup: None,
            asked: saved.cursor,
            memory: Memory::new(saved),
            links: Vec::new(),
            writes: VecDeque::new(),
            written: 0,
            reconnect: Reconnect::new(Backoff::default()),
            transport: if index.is_multiple_of(2) { Transport::Quic } else { Transport::Tcp },
            log: AppLog::default(),
            uploads: 0,
            settled_uploads: HashSet::new(),
            connected_since: None,
            offline_since: UnixMillis(0),
            is_connecting: false,
            welcomed: 0,
        }
    }

    /// Whether it has a live link.
    pub(crate) fn is_connected(&self) -> bool {
        self.links.iter().any(|link| matches!(link.state, Some(State::Live(_))) && !link.is_ignored)
    }
}

impl World {
    /// Bytes arrive at an end.
    pub(crate) fn arrive(&mut self, wire: WireId, end: End, bytes: &[u8]) {
        let Some((device, gateway, is_broken)) =
            self.wires.get(wire).map(|found| (found.device, found.gateway, found.is_broken))
        else {
            return;
        };
        if is_broken {
            return;
        }
        match end {
            End::Gateway if self.gateways[gateway].is_up => self.gateway_receive(gateway, wire, bytes),
            End::Gateway => {}
            End::Device => self.device_receive(device, wire, bytes),
        }
    }

    /// An end learns that a wire is over.
    pub(crate) fn over(&mut self, wire: WireId, end: End) {
        let Some(found) = self.wires.get(wire) else { return };
        if std::mem::replace(&mut found.told[end as usize], true) {
            return;
        }
        let (device, gateway) = (found.device, found.gateway);
        match end {
            End::Gateway => self.gateway_over(gateway, wire),
            End::Device => self.device_link_ended(device, wire, Ended::Lost),
        }
    }

    /// Sends bytes to an end.
    pub(crate) fn send(&mut self, wire: WireId, to: End, bytes: bytes::Bytes) {
        let now = self.now();
        if let Some(at) = self.wires.arrival(wire, to, now, &mut self.random) {
            self.at(at, Event::Arrive(wire, to, bytes));
        }
    }

    /// Ends a wire after what was sent; the end learns of it in order.
    pub(crate) fn end_wire(&mut self, wire: WireId, to: End) {
        let now = self.now();
        if let Some(at) = self.wires.arrival(wire, to, now, &mut self.random) {
            self.at(at, Event::Over(wire, to));
        }
    }

    fn device_receive(&mut self, device: usize, wire: WireId, bytes: &[u8]) {
        let now = self.now();
        let Some(at) = self.devices[device].links.iter().position(|link| link.wire == wire) else { return };
        let entry = &mut self.devices[device];
        if entry.links[at].is_ignored {
            return;
        }
        match entry.links[at].state.take() {
            Some(State::Opening(opening)) => {
                let conn_seq = entry.links[at].conn_seq;
                match opening.receive(now, bytes, &mut entry.memory) {
                    homing_link::client::Opened::Waiting(opening) => {
                        entry.links[at].state = Some(State::Opening(opening));
                    }
                    homing_link::client::Opened::Live(live) => {
                        entry.links[at].state = Some(State::Live(live));
                        self.welcomed(device, wire, conn_seq);
                    }
                    homing_link::client::Opened::Ended(ended) => {
                        return self.device_link_ended(device, wire, ended);
                    }
                }
            }
            Some(State::Live(mut live)) => {
                live.receive(now, bytes, &mut entry.memory);
                entry.links[at].state = Some(State::Live(live));
            }
            None => {}
        }
        self.device_pump(device, wire);
    }

    /// After Welcome the older links are ignored, then closed.
    fn welcomed(&mut self, device: usize, wire: WireId, conn_seq: u64) {
        let now = self.now();
        let entry = &mut self.devices[device];
        entry.reconnect.welcomed();
        entry.connected_since = Some(now);
        entry.welcomed = entry.welcomed.max(conn_seq);
        let older: Vec<_> = entry.links.iter().filter(|link| link.wire != wire).map(|link| link.wire).collect();
        for old in older {
            self.hit("device", "moves to a new link, then leaves the old one");
            let entry = &mut self.devices[device];
            let Some(at) = entry.links.iter().position(|link| link.wire == old) else { continue };
            if let Some(State::Live(live)) = &mut entry.links[at].state {
                live.leave(&mut entry.memory);
            }
            self.device_pump(device, old);
            self.drop_device_link(device, old);
        }
    }

    /// Performs what a link of a device wants now.
    pub(crate) fn device_pump(&mut self, device: usize, wire: WireId) {
        loop {
            let entry = &mut self.devices[device];
            let Some(at) = entry.links.iter().position(|link| link.wire == wire) else { return };
            let Some(State::Live(live)) = &mut entry.links[at].state else { break };
            let Some(effect) = live.poll() else { break };
            self.device_effect(device, wire, effect);
        }
        self.device_settle(device, wire);
    }

    fn device_effect(&mut self, device: usize, wire: WireId, effect: Effect) {
        match effect {
            Effect::Transmit(frame) => self.send(wire, End::Gateway, bytes_of(&frame)),
            Effect::Commit(commit) => self.commit(device, wire, commit),
            Effect::UploadSettled { id, code } => {
                self.hit("upstream", if code == homing_wire::UpCode::Stored { "settled" } else { "refused" });
                self.devices[device].settled_uploads.insert(id);
            }
            Effect::HeartbeatChanged { .. } => self.hit("device", "heartbeat changed"),
            Effect::Learned(_) => {}
            Effect::GoAway { .. } => {
                self.hit("device", "is asked to go away");
                let life = self.devices[device].life;
                self.after(50, Event::Connect(device, life));
            }
            Effect::End(ended) => self.device_link_ended(device, wire, ended),
        }
    }

    fn commit(&mut self, device: usize, wire: WireId, commit: Commit) {
        self.check_step(device, wire, &commit);
        let now = self.now();
        let number = commit.number;
        let entry = &mut self.devices[device];
        entry.asked = commit.cursor;
        let life = entry.life;
        entry.writes.push_back(commit);
        if self.is(Mutant::AckBeforeCommit) {
            self.devices[device].memory.committed(number, now);
        }
        let delay = self.random.below(15);
        let delay = if self.random.per_mille(20) { delay + 2_000 } else { delay };
        let at = self.devices[device].last_write_at(now.plus(delay));
        self.at(at, Event::Committed(device, life, number));
    }

    /// The cursor never moves over a seq without a word about it.
    fn check_step(&mut self, device: usize, wire: WireId, commit: &Commit) {
        let entry = &self.devices[device];
        let conn_seq = entry.links.iter().find(|link| link.wire == wire).map_or(0, |link| link.conn_seq);
        let (before, after) = (entry.asked, commit.cursor);
        if after.feed > before.feed {
            return self.check_feed_step(device, before, commit, conn_seq);
        }
        let (name, expected) = match &commit.arrival {
            Arrival::Message(message) if message.seq == 0 => ("now or never", before.seq),
            Arrival::Message(_) => ("message", before.seq + 1),
            Arrival::Duplicate(_) => ("duplicate", before.seq + 1),
            Arrival::Recalled { recall: None, .. } => ("recalled without a seq", before.seq),
            Arrival::Recalled { .. } => ("recalled", before.seq + 1),
            // A Skip may begin below the cursor: its part above is what counts.
            Arrival::Skipped { count, .. } => ("skipped", after.seq.min(before.seq + count)),
            // The feed alone passes anything over.
            Arrival::PassedOver => ("passed over", before.seq + 1),
            Arrival::Reset => ("reset", after.seq),
            Arrival::Hole { .. } => {
                self.violated(format!("device {device}: a gap without a Skip at {before:?}"));
                return;
            }
        };
        let is_older = conn_seq < entry.welcomed;
        self.hit("arrival", name);
        if expected != after.seq {
            self.violated(format!("device {device}: {name} moved the cursor from {before:?} to {after:?}"));
        }
        if is_older {
            self.violated(format!("device {device}: link {conn_seq} delivered after a newer one was welcomed"));
        }
    }
}

impl World {
    /// The feed's lane moves alone.
    fn check_feed_step(&mut self, device: usize, before: Cursor, commit: &Commit, conn_seq: u64) {
        let is_nothing = commit.arrival == Arrival::PassedOver;
        self.hit("arrival", if is_nothing { "passed over" } else { "by the feed" });
        if (Cursor { feed: before.feed, ..commit.cursor }) != before {
            self.violated(format!("device {device}: the feed moved {before:?} to {:?}", commit.cursor));
        }
        if conn_seq < self.devices[device].welcomed {
            self.violated(format!("device {device}: link {conn_seq} delivered after a newer one was welcomed"));
        }
    }
}

impl Device {
    /// Writes become durable in order.
    fn last_write_at(&mut self, at: UnixMillis) -> UnixMillis {
        let at = at.0.max(self.written);
        self.written = at;
        UnixMillis(at)
    }
}
