//! What a device keeps, what its app sees, and how it dies and comes back.

use homing_domain::{MessageId, Seq};
use homing_link::client::{Arrival, Backoff, Commit, Memory, Reconnect, SeenIds, Upload};
use homing_wire::FactKind;

use super::Durable;
use crate::agenda::Event;
use crate::mutant::Mutant;
use crate::wire::WireId;
use crate::world::World;

impl Durable {
    /// Message and cursor in one write.
    fn apply(&mut self, commit: &Commit) {
        self.saved.cursor = commit.cursor;
        match &commit.arrival {
            Arrival::Message(message) => {
                self.saved.seen.insert(message.id);
                self.unconfirmed.push((message.id, message.seq));
            }
            Arrival::Duplicate(id) => {
                self.saved.seen.insert(*id);
            }
            Arrival::Recalled { message, recall } => {
                for id in recall.iter().chain([message]) {
                    self.saved.seen.insert(*id);
                }
            }
            Arrival::Skipped { .. } | Arrival::Reset | Arrival::Hole { .. } | Arrival::PassedOver => {}
        }
    }
}

impl World {
    /// A write is durable: the Ack may go out, and the app is called.
    pub(crate) fn committed(&mut self, device: usize, life: u64, number: u64) {
        let now = self.now();
        let entry = &mut self.devices[device];
        if entry.life != life || !entry.is_on {
            return;
        }
        if let Some(commit) = entry.writes.pop_front_if(|commit| commit.number <= number) {
            entry.durable.apply(&commit);
            self.note_recall(device, &commit.arrival);
            if let Arrival::Message(message) = &commit.arrival {
                let (id, seq) = (message.id, message.seq);
                let delay = self.random.below(10);
                self.after(delay, Event::AppCalled(device, life, id, seq));
            }
            let entry = &mut self.devices[device];
            entry.memory.committed(commit.number, now);
            self.update_links(device);
        }
    }

    /// What is durable reaches the app, now or after a restart. What was taken back does not come any more.
    fn note_recall(&mut self, device: usize, arrival: &Arrival) {
        let log = &mut self.devices[device].log;
        match arrival {
            Arrival::Recalled { message, .. } => {
                log.taken_back.insert(*message);
                self.hit("recall", "reaches the app");
            }
            Arrival::Message(message)
                if log.taken_back.contains(&message.id) && !log.before_restore.contains(&message.id) =>
            {
                self.violated(format!("device {device}: {} comes after it was taken back", message.id));
            }
            _ => {}
        }
    }

    fn update_links(&mut self, device: usize) {
        let now = self.now();
        let wires: Vec<WireId> = self.devices[device].links.iter().map(|link| link.wire).collect();
        for wire in wires {
            let entry = &mut self.devices[device];
            if let Some(link) = entry.links.iter_mut().find(|link| link.wire == wire)
                && let Some(super::State::Live(live)) = &mut link.state
            {
                live.update(now, &mut entry.memory);
            }
            self.device_pump(device, wire);
        }
    }

    /// The app gets a message, and writes it into its log.
    pub(crate) fn app_called(&mut self, device: usize, life: u64, message: MessageId, seq: Seq) {
        let entry = &mut self.devices[device];
        if entry.life != life || !entry.is_on {
            return;
        }
        let shown = entry.log.shown.entry(message).or_insert(0);
        *shown += 1;
        let is_repeat = *shown > 1;
        let is_allowed = entry.log.may_repeat.remove(&message) || entry.log.before_restore.contains(&message);
        self.trace(|| format!("app of device {device} gets seq {seq} {message}"));
        self.hit("app", if is_repeat { "called again after a crash" } else { "called" });
        if is_repeat && !is_allowed {
            self.violated(format!("device {device}: {message} (seq {seq}) came to the app twice"));
        }
        self.state().check.arrived(self.devices[device].id, message);
        let delay = self.random.below(6);
        self.after(delay, Event::AppDone(device, life, message));
    }

    /// The app's callback returns; the person may do something with the message.
    pub(crate) fn app_done(&mut self, device: usize, life: u64, message: MessageId) {
        let now = self.now();
        let entry = &mut self.devices[device];
        if entry.life != life || !entry.is_on {
            return;
        }
        entry.durable.unconfirmed.retain(|(waiting, _)| *waiting != message);
        let kind = match self.random.below(8) {
            0 => FactKind::Displayed,
            1 => FactKind::Opened,
            2 => FactKind::Dismissed,
            _ => return,
        };
        if entry.memory.add_receipt(message, kind, now).is_ok() {
            entry.log.facts.insert((message, kind));
            self.update_links(device);
        }
    }

    /// A device sends something to the business.
    pub(crate) fn upload(&mut self, device: usize) {
        let entry = &mut self.devices[device];
        if !entry.is_on {
            return;
        }
        entry.uploads += 1;
        let id = entry.uploads;
        let upload = Upload { id, topic: "position".to_owned(), payload: bytes::Bytes::from_static(b"here") };
        if entry.memory.add_upload(upload).is_ok() {
            self.hit("device", "sends an upstream message");
            self.update_links(device);
        }
    }

    /// A device dies. What was being written may be durable or not, from the front.
    pub(crate) fn crash_device(&mut self, device: usize) {
        if !self.devices[device].is_on {
            return;
        }
        self.hit("crash", "device");
        self.trace(|| format!("device {device} crashes"));
        let writes = self.devices[device].writes.len() as u64;
        let applied = self.random.below(writes + 1);
        if applied > 0 {
            self.hit("crash", "device, between a write and its answer");
        }
        if applied < writes {
            self.hit("crash", "device, before a write");
        }
        let wires: Vec<_> = self.devices[device].links.iter().map(|link| link.wire).collect();
        let now = self.now();
        let mut noted = Vec::new();
        let entry = &mut self.devices[device];
        for _ in 0..applied {
            if let Some(commit) = entry.writes.pop_front() {
                entry.durable.apply(&commit);
                noted.push(commit.arrival);
            }
        }
        entry.writes.clear();
        entry.is_on = false;
        entry.life += 1;
        entry.is_connecting = false;
        entry.links.clear();
        entry.connected_since = None;
        entry.offline_since = now;
        for arrival in noted {
            self.note_recall(device, &arrival);
        }
        for wire in wires {
            self.cut(wire);
        }
        let delay = self.random.between(10, 9_000);
        self.after(delay, Event::StartDevice(device));
    }

    /// A device is switched on, with what it kept.
    pub(crate) fn start_device(&mut self, device: usize) {
        let one_deep = self.is(Mutant::OneDeepMemory);
        let entry = &mut self.devices[device];
        if entry.is_on || entry.is_lost {
            return;
        }
        if one_deep {
            let last = entry.durable.saved.seen.iter().last();
            entry.durable.saved.seen = last.into_iter().collect::<SeenIds>();
        }
        entry.is_on = true;
        entry.memory = Memory::new(entry.durable.saved.clone());
        entry.asked = entry.durable.saved.cursor;
        entry.reconnect = Reconnect::new(Backoff::default());
        let life = entry.life;
        let again = entry.durable.unconfirmed.clone();
        for (message, seq) in again {
            self.devices[device].log.may_repeat.insert(message);
            let delay = self.random.below(20);
            self.after(delay, Event::AppCalled(device, life, message, seq));
        }
        let delay = self.random.below(500);
        self.connect_after(device, delay);
    }

    /// A device's backup is made, or put back: its cursor, numbers and memory are old then.
    pub(crate) fn back_up_or_restore(&mut self, device: usize) {
        let Some(backup) = self.devices[device].backup.take() else {
            self.devices[device].backup = Some(self.devices[device].durable.saved.clone());
            return;
        };
        self.crash_device(device);
        self.hit("device", "is restored from a backup");
        self.trace(|| format!("device {device} is restored to {:?}, n {}", backup.cursor, backup.conn_seq));
        let entry = &mut self.devices[device];
        entry.durable.saved = backup;
        entry.welcomed = 0;
        let known: Vec<_> = entry.log.shown.keys().chain(&entry.log.taken_back).copied().collect();
        entry.log.before_restore.extend(known);
        let unconfirmed: Vec<_> = entry.durable.unconfirmed.iter().map(|(message, _)| *message).collect();
        entry.log.before_restore.extend(unconfirmed);
    }
}
