//! What a device remembers from one link to the next.

use std::collections::VecDeque;

use homing_domain::{ConnSeq, Epoch, FeedOffset, MessageId, Seq, UnixMillis};
use homing_wire::FactKind;

use super::arrival::{Arrival, Commit, Message};
use super::heartbeat::{Lesson, Networks, Power, Suspicion};
use super::receipts::Receipts;
use super::seen::SeenIds;
use super::upstream::Uploads;
use crate::Transport;

/// How far a device has come: everything up to `seq` and up to `feed` is durably processed or skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Life of the mailbox.
    pub epoch: Epoch,
    /// The last seq that is done with.
    pub seq: Seq,
    /// The last offset in the app's feed that is done with, or not for this device. It outlives the mailbox.
    pub feed: FeedOffset,
}

/// The part that a device keeps over its own restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// How far it has come.
    pub cursor: Cursor,
    /// The last connection number that it used.
    pub conn_seq: ConnSeq,
    /// What it has seen.
    pub seen: SeenIds,
    /// What it has learned of its networks.
    pub networks: Networks,
}

/// What a write that is under way will have made durable.
#[derive(Clone, Copy, Debug)]
enum Written {
    Cursor(Cursor),
    /// A message without a seq: its receipt takes the place of the Ack.
    Received(MessageId),
}

/// The memory of one device, shared by all its links.
#[derive(Debug, Default)]
pub struct Memory {
    /// How far the arrivals reach that were given out to be written.
    pub(super) received: Cursor,
    /// How far they are durable: what a Hello may name and an Ack may cover.
    pub(super) durable: Cursor,
    conn_seq: ConnSeq,
    seen: SeenIds,
    /// Number of the last commit given out.
    commits: u64,
    writing: VecDeque<(u64, Written)>,
    /// The hole in the mailbox that ended a link: found again at the same place, it is passed over.
    pub(super) hole: Option<Cursor>,
    pub(super) receipts: Receipts,
    pub(super) uploads: Uploads,
    pub(super) networks: Networks,
    pub(super) suspicion: Suspicion,
    pub(super) power: Power,
}

impl Memory {
    /// With what was saved.
    #[must_use]
    pub fn new(saved: Saved) -> Self {
        Self {
            received: saved.cursor,
            durable: saved.cursor,
            conn_seq: saved.conn_seq,
            seen: saved.seen,
            networks: saved.networks,
            ..Self::default()
        }
    }

    /// Goes back to what is saved, after a write that failed; what waits to be sent stays.
    pub fn restart(&mut self, saved: Saved) {
        let receipts = std::mem::take(&mut self.receipts);
        let uploads = std::mem::take(&mut self.uploads);
        // Numbers go on rising, so that a late report on an old commit means nothing.
        *self = Self { receipts, uploads, commits: self.commits, power: self.power, ..Self::new(saved) };
    }

    /// What the device runs on, from the next link on.
    pub const fn set_power(&mut self, power: Power) {
        self.power = power;
    }

    /// What is known of networks.
    #[must_use]
    pub const fn networks(&self) -> &Networks {
        &self.networks
    }

    /// A link is live on this network: what that teaches, to be kept.
    pub(super) fn arrive(
        &mut self,
        now: UnixMillis,
        network_hash: u64,
        transport: Transport,
    ) -> impl Iterator<Item = Lesson> + use<> {
        let verdict = self.suspicion.verdict(network_hash, &mut self.networks, now);
        let visit = self.networks.visit(network_hash, transport);
        verdict.into_iter().chain(visit)
    }

    /// How far everything is durable.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        self.durable
    }

    /// The last connection number used.
    #[must_use]
    pub const fn conn_seq(&self) -> ConnSeq {
        self.conn_seq
    }

    /// Whether everything that was given out is durable. **Wait for it before a Hello**: the Hello says how far the device
    /// has come, and what becomes durable after it would be shown, although the gateway may withdraw it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.writing.is_empty()
    }

    /// The number for the next Hello. **Must be durable before it is sent**: a number used twice fences nobody. From here
    /// on the older links bring nothing more.
    pub const fn raise_connection(&mut self) -> ConnSeq {
        self.conn_seq += 1;
        self.conn_seq
    }

    /// The gateway says that a connection with this number took over already (a device restored from a backup): the next
    /// one must be larger.
    pub(super) fn overtake(&mut self, current: ConnSeq) {
        self.conn_seq = self.conn_seq.max(current);
    }

    /// Everything up to this commit is durable. Follow with [`super::Live::update`] while a link lives.
    pub fn committed(&mut self, number: u64, now: UnixMillis) {
        while let Some((_, written)) = self.writing.pop_front_if(|(first, _)| *first <= number) {
            match written {
                Written::Cursor(cursor) => self.durable = cursor,
                Written::Received(id) => self.receipts.push_received(id, now),
            }
        }
        if self.writing.is_empty() {
            self.writing = VecDeque::new();
        }
    }

    /// Queues what a person did with a message. Sent with the next Ack, again until a link has proven to have carried it.
    ///
    /// # Errors
    /// [`super::OutboxFull`]: too many wait; send it over HTTPS, or later.
    pub fn add_receipt(&mut self, id: MessageId, kind: FactKind, at: UnixMillis) -> Result<(), super::OutboxFull> {
        self.receipts.push(id, kind, at)
    }

    /// Queues a message to the business. Sent on every link until it is settled.
    ///
    /// # Errors
    /// [`super::OutboxFull`]: too many wait.
    pub fn add_upload(&mut self, upload: super::Upload) -> Result<(), super::OutboxFull> {
        self.uploads.add(upload)
    }

    /// A message came by another channel. True = it is new: remember it durably, and only then show it. From here on it is a
    /// duplicate on the device's own link.
    pub fn note_elsewhere(&mut self, id: MessageId) -> bool {
        self.seen.insert(id)
    }

    /// The next commit: the message if it is new, a duplicate otherwise. `None` = nothing to write. `feed` = its offset in
    /// the feed; 0 = it did not come by that.
    pub(super) fn arrived(&mut self, message: Message, feed: FeedOffset, now: UnixMillis) -> Option<Commit> {
        let (id, seq) = (message.id, message.seq);
        let is_new = self.seen.insert(id);
        if let Some(cursor) = self.moved(seq, feed) {
            let arrival = if is_new { Arrival::Message(message) } else { Arrival::Duplicate(id) };
            return Some(self.step(cursor, arrival));
        }
        if is_new {
            let commit = self.commit(self.received, Arrival::Message(message));
            self.writing.push_back((commit.number, Written::Received(id)));
            return Some(commit);
        }
        let is_durable = !self.writing.iter().any(|(_, written)| matches!(written, Written::Received(w) if *w == id));
        if is_durable {
            self.receipts.push_received(id, now);
        }
        None
    }

    /// The next commit: a message is taken back, and counts as seen, should it still come. Without `seq` and `feed` the
    /// cursor stays.
    pub(super) fn recalled(
        &mut self,
        seq: Seq,
        feed: FeedOffset,
        message: MessageId,
        recall: Option<MessageId>,
    ) -> Commit {
        let cursor = self.moved(seq, feed).unwrap_or(self.received);
        let arrival = match recall.filter(|recall| !self.seen.insert(*recall)) {
            Some(repeated) => Arrival::Duplicate(repeated),
            None => {
                self.seen.insert(message);
                Arrival::Recalled { message, recall }
            }
        };
        self.step(cursor, arrival)
    }

    /// Where the cursor stands after what has this number or this offset; `None` = it has neither.
    fn moved(&self, seq: Seq, feed: FeedOffset) -> Option<Cursor> {
        match (seq, feed) {
            (0, 0) => None,
            (0, feed) => Some(Cursor { feed, ..self.received }),
            (seq, _) => Some(Cursor { seq, ..self.received }),
        }
    }

    /// Moves the cursor.
    pub(super) fn step(&mut self, cursor: Cursor, arrival: Arrival) -> Commit {
        self.received = cursor;
        let commit = self.commit(cursor, arrival);
        self.writing.push_back((commit.number, Written::Cursor(cursor)));
        commit
    }

    fn commit(&mut self, cursor: Cursor, arrival: Arrival) -> Commit {
        self.commits += 1;
        Commit { number: self.commits, cursor, arrival }
    }
}
