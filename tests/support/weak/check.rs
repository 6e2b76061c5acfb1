//! What must hold at each step, checked where the step happens.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use homing_contract::queue::v1;
use homing_domain::limits::RECALL_GRACE;
use homing_domain::mailbox::{EntryState, Mailbox};
use homing_domain::{
    AudienceJob, ConnSeq, DeviceId, Event, FeedCounts, Flow, Message, MessageId, Millis, ReceiptBatch, Seq, Shard,
    Target, UnixMillis,
};
use homing_ports::QueueName;

/// Broken promises, and what is needed to see them.
#[derive(Debug, Default)]
pub struct Check {
    /// What was found, first first.
    pub violations: Vec<String>,
    /// Ends that are durable in the queue of receipts.
    pub told: HashSet<(MessageId, DeviceId)>,
    /// Messages whose job is durable.
    pub jobs: HashSet<MessageId>,
    /// Messages whose timer was set.
    pub timers: HashSet<MessageId>,
    /// Items that nobody can read, by queue: they must be given up, and nothing else may be.
    pub poisons: HashSet<(QueueName, Bytes)>,
    /// Messages that a mailbox took in again because its memory of ids had moved on: a limit of the design. The device's
    /// memory hides most of them; what is said about them in the ledger is said twice.
    pub forgotten: HashSet<(MessageId, DeviceId)>,
    stored: HashSet<(MessageId, DeviceId)>,
    /// Counts takeovers and unbinds: which of two came first.
    moment: u64,
    fences: HashMap<DeviceId, ConnSeq>,
    takeovers: HashMap<(DeviceId, ConnSeq), u64>,
    unbound: HashMap<(DeviceId, MessageId), (u64, UnixMillis)>,
    pushed: HashSet<(DeviceId, MessageId)>,
    /// What the stored pages say about each device.
    decided: HashMap<(MessageId, DeviceId), Target>,
    /// Since when a message does not go on.
    halted: HashMap<MessageId, (Flow, UnixMillis)>,
}

/// How long a stage may go on by what it read before a message was halted, in a world without faults: its cache of
/// messages, and a few calls.
const HALT_TAKES: Millis = 3_000;
/// How long a recall takes to all mailboxes, with faults.
const RECALL_TAKES: Millis = 400_000;
/// And in a world where calls are slow and repeated.
const HALT_TAKES_WITH_FAULTS: Millis = 90_000;

impl Check {
    /// Notes a broken promise.
    pub fn violated(&mut self, what: String) {
        self.violations.push(what);
    }

    /// An entry is new. True = it was here before, or its end was told, and the mailbox's memory of ids has moved on since.
    pub(super) fn entry_is_new(&mut self, device: DeviceId, message: MessageId, mailbox_forgets: bool) -> bool {
        let was_here = !self.stored.insert((message, device));
        let is_known = was_here || self.told.contains(&(message, device));
        if is_known && mailbox_forgets {
            self.forgotten.insert((message, device));
        } else if was_here {
            self.violated(format!("{device}: {message} is taken in a second time"));
        }
        is_known && mailbox_forgets
    }

    /// A connection owns the device from here on.
    pub(super) fn taken_over(&mut self, device: DeviceId, conn_seq: ConnSeq) {
        self.moment += 1;
        self.takeovers.entry((device, conn_seq)).or_insert(self.moment);
        let fence = self.fences.entry(device).or_insert(conn_seq);
        let is_old = conn_seq < *fence;
        *fence = conn_seq.max(*fence);
        if is_old {
            self.violated(format!("{device}: connection {conn_seq} takes over, and a newer one had"));
        }
    }

    /// These messages are addressed to a user who does not use the device any more.
    pub(super) fn unbound(&mut self, device: DeviceId, messages: &[MessageId], now: UnixMillis) {
        self.moment += 1;
        for message in messages {
            self.unbound.entry((device, *message)).or_insert((self.moment, now));
        }
    }

    /// Since when a message is addressed to a user who does not use the device any more.
    pub(super) fn unbound_since(&self, device: DeviceId, message: MessageId) -> Option<UnixMillis> {
        self.unbound.get(&(device, message)).map(|(_, since)| *since)
    }

    /// A vendor brings what it took.
    pub fn brought(&mut self, device: DeviceId, message: MessageId) {
        self.pushed.insert((device, message));
    }

    /// A gateway sends a push. On a link that began after the unbind, nothing to the old user may be sent.
    pub fn pushed(&mut self, device: DeviceId, conn_seq: ConnSeq, message: MessageId, now: UnixMillis) {
        if self.pushed.insert((device, message)) && self.recalled_for_sure(message, now) {
            self.violated(format!("{message} is first sent to {device} long after it was recalled"));
        }
        let began = self.takeovers.get(&(device, conn_seq));
        let Some(began) = began.copied() else {
            return self.violated(format!("{device}: connection {conn_seq} sends without having taken over"));
        };
        let is_forgotten = self.forgotten.contains(&(message, device));
        if !is_forgotten && self.unbound.get(&(device, message)).is_some_and(|(unbound, _)| *unbound < began) {
            self.violated(format!("{message} is sent to {device} after its user was unbound"));
        }
    }

    /// A message reached an app.
    pub fn arrived(&mut self, device: DeviceId, message: MessageId) {
        if !self.pushed.contains(&(device, message)) {
            self.violated(format!("{message} reached {device}, but nobody sent it"));
        }
    }

    /// A release begins.
    pub(super) fn release_begins(&mut self, message: &Message, now: UnixMillis) {
        if let Some(at) = message.release_at.filter(|at| now < *at) {
            self.violated(format!("{} is released {} ms before its time", message.id, at.since(now)));
        }
    }

    /// A message was told to go on, or not to.
    pub(super) fn flow_changed(&mut self, message: &Message, now: UnixMillis) {
        if message.control.flow == Flow::Running {
            self.halted.remove(&message.id);
        } else {
            let halted = self.halted.entry(message.id).or_insert((message.control.flow, now));
            if halted.0 != message.control.flow {
                *halted = (message.control.flow, now);
            }
        }
    }

    /// How a message that is halted was told so, if every stage must know by now.
    fn halted_for_sure(&self, message: MessageId, now: UnixMillis, has_faults: bool) -> Option<Flow> {
        let (flow, since) = self.halted.get(&message)?;
        let patience = if has_faults { HALT_TAKES_WITH_FAULTS } else { HALT_TAKES };
        (now.since(*since) > patience).then_some(*flow)
    }

    /// Whether a message was recalled so long ago that the recall has been to every mailbox: the grace before it is
    /// enumerated, and all that its own way may take.
    fn recalled_for_sure(&self, message: MessageId, now: UnixMillis) -> bool {
        let recalled = self.halted.get(&message).filter(|(flow, _)| *flow == Flow::Recalled);
        recalled.is_some_and(|(_, since)| now.since(*since) > RECALL_GRACE + RECALL_TAKES)
    }

    /// A page became durable: it says what becomes of its devices, and nobody enumerates what is halted.
    /// What is paused until it is over goes on then, to its end.
    pub(super) fn page_stored(&mut self, shard: &Shard, now: UnixMillis, has_faults: bool, is_over: bool) {
        for target in &shard.targets {
            self.decided.insert((shard.message, target.device), *target);
        }
        let halted = self.halted_for_sure(shard.message, now, has_faults);
        let is_excused = |flow: &Flow| shard.targets.is_empty() || is_over && *flow == Flow::Paused;
        if let Some(flow) = halted.filter(|flow| !is_excused(flow)) {
            self.violated(format!("{} is {}, and another page of it is made", shard.message, flow.name()));
        }
    }

    /// An entry is new: nothing that is held, refused or stopped comes into a mailbox.
    pub(super) fn entry_is_timely(&mut self, device: DeviceId, message: MessageId, now: UnixMillis, has_faults: bool) {
        if let Some(target) = self.decided.get(&(message, device)).copied() {
            if let Some(hold) = target.hold.filter(|hold| now < *hold) {
                self.violated(format!("{device}: {message} comes {} ms before its hold ends", hold.since(now)));
            }
            if let Some(reason) = target.refusal {
                self.violated(format!("{device}: {message} comes although it is suppressed for {reason}"));
            }
        }
        let stopped = self.halted_for_sure(message, now, has_faults).filter(|flow| flow.is_stopped());
        if let Some(flow) = stopped {
            self.violated(format!("{device}: {message} comes, and it is {}", flow.name()));
        }
    }

    /// A job became durable.
    pub(super) fn job_sent(&mut self, body: &[u8]) {
        if let Ok(job) = v1::decode::<AudienceJob>(body) {
            self.jobs.insert(job.message);
        }
    }

    /// Ends that became durable.
    pub(super) fn receipts_sent(&mut self, body: &[u8]) {
        if v1::decode::<FeedCounts>(body).is_ok() {
            return;
        }
        let Ok(batch) = v1::decode::<ReceiptBatch>(body) else {
            if !self.poisons.contains(&(QueueName::Receipts, Bytes::copy_from_slice(body))) {
                self.violated("a body in the queue of receipts cannot be read".to_owned());
            }
            return;
        };
        for receipt in &batch.receipts {
            if let Event::Ended(_) = receipt.event {
                self.told.insert((receipt.message, receipt.device));
            }
        }
    }

    /// Whoever removes an entry has told the ledger of it.
    pub(super) fn removed(&mut self, device: DeviceId, before: &[(Seq, MessageId, EntryState)], after: &Mailbox) {
        let kept: HashSet<_> = after.entries.iter().map(|entry| entry.message).collect();
        for (seq, message, _) in before {
            if !kept.contains(message) && !self.told.contains(&(*message, device)) {
                self.violated(format!("{device} seq {seq} ({message}) is removed, the ledger never heard of it"));
            }
        }
    }

    /// The item makes sense in itself.
    pub(super) fn mailbox(&mut self, device: DeviceId, mailbox: &Mailbox) {
        let spans: Seq = mailbox.entries.iter().map(|entry| Seq::from(entry.span)).sum();
        if mailbox.lo + spans != mailbox.hi + 1 {
            self.violated(format!("{device}: lo {} + {spans} entries does not reach hi {}", mailbox.lo, mailbox.hi));
        }
    }
}
