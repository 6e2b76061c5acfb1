//! The link's view of the mailbox above the device's cursor, and how far it has been sent.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use homing_domain::limits::PENDING_MAX_HAND_OFFS;
use homing_domain::mailbox::{Body, Entry, EntryState};
use homing_domain::{HandOffTarget, MessageId, Priority, PushBody, Reason, Seq, UnixMillis};

use crate::limits::{ACK_LATE_AFTER, GAP_PATIENCE};

/// How far an entry has come on this link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotState {
    /// To be sent.
    Waiting,
    /// Not to be sent: it must become a tombstone in the mailbox first.
    Doomed(Reason),
    /// The tombstone is being written.
    Burying(Reason),
    /// A tombstone: its Skip may be sent.
    Buried(Reason),
    /// Its Push was sent.
    Sent(UnixMillis),
    /// Its Skip was sent.
    Skipped,
}

/// What an entry brings.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Something for the app.
    Payload(Bytes),
    /// This message is taken back.
    Recall(MessageId),
}

impl Content {
    fn of(body: &PushBody) -> Self {
        body.recalls.map_or_else(|| Self::Payload(body.payload.clone()), Self::Recall)
    }

    /// What it takes in the window.
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Payload(payload) => payload.len(),
            Self::Recall(_) => 0,
        }
    }
}

/// An entry.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) last: Seq,
    pub(super) message: MessageId,
    pub(super) state: SlotState,
    pub(super) enqueued_at: UnixMillis,
    pub(super) accepted_at: UnixMillis,
    pub(super) expires_at: UnixMillis,
    pub(super) priority: Priority,
    pub(super) collapse_key: Option<String>,
    /// Which rendering of the message.
    pub(super) variant: u8,
    /// `None` = to be fetched from the message row, or sent already.
    pub(super) content: Option<Content>,
    /// Of its content, once sent.
    pub(super) sent_bytes: usize,
    /// What it takes in the mailbox.
    pub(super) bytes: u16,
}

impl Slot {
    pub(super) fn of_entry(last: Seq, entry: &Entry) -> Self {
        Self {
            last,
            message: entry.message,
            state: match entry.state {
                EntryState::Live => SlotState::Waiting,
                EntryState::Marked(reason) => SlotState::Doomed(reason),
                EntryState::Tombstone(reason) => SlotState::Buried(reason),
            },
            enqueued_at: entry.enqueued_at,
            accepted_at: entry.accepted_at,
            expires_at: entry.expires_at,
            priority: entry.priority,
            collapse_key: entry.collapse_key.clone(),
            variant: entry.variant,
            content: match &entry.body {
                Body::Inline(payload) => Some(Content::Payload(payload.clone())),
                Body::Reference => None,
            },
            sent_bytes: 0,
            bytes: u16::try_from(entry.size_bytes()).unwrap_or(u16::MAX),
        }
    }

    fn of_hand_off(body: &PushBody, target: HandOffTarget) -> Self {
        let entry = Entry {
            span: 1,
            message: body.message,
            state: EntryState::Live,
            enqueued_at: target.enqueued_at,
            accepted_at: body.accepted_at,
            expires_at: body.expires_at,
            priority: body.priority,
            collapse_key: body.collapse_key.clone(),
            user: None,
            body: Body::of(&body.payload, body.recalls),
            // It brings its content, so nobody asks which.
            variant: 0,
        };
        Self { content: Some(Content::of(body)), ..Self::of_entry(target.seq, &entry) }
    }
}

/// The entries above the device's cursor.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Without holes from the cursor to `hi`.
    slots: VecDeque<Slot>,
    /// How many of them, from the front, have been sent.
    sent: usize,
    unacknowledged: usize,
    unacknowledged_bytes: usize,
    /// Last seq that was sent, as Push or as Skip.
    position: Seq,
    /// Last seq known.
    hi: Seq,
    /// Hand-offs that came before their predecessor.
    early: Vec<(Arc<PushBody>, HandOffTarget)>,
    gap_at: Option<UnixMillis>,
    is_behind: bool,
    is_read_wanted: bool,
    is_reading: bool,
    is_fetching: bool,
}

impl Inbox {
    pub(super) const fn new(cursor: Seq) -> Self {
        Self {
            slots: VecDeque::new(),
            sent: 0,
            unacknowledged: 0,
            unacknowledged_bytes: 0,
            position: cursor,
            hi: cursor,
            early: Vec::new(),
            gap_at: None,
            is_behind: false,
            is_read_wanted: false,
            is_reading: false,
            is_fetching: false,
        }
    }

    pub(super) const fn position(&self) -> Seq {
        self.position
    }

    pub(super) const fn hi(&self) -> Seq {
        self.hi
    }

    pub(super) const fn gap_at(&self) -> Option<UnixMillis> {
        self.gap_at
    }

    /// When the oldest unacknowledged Push is late.
    pub(super) fn late_at(&self) -> Option<UnixMillis> {
        self.slots.iter().take(self.sent).find_map(|slot| match slot.state {
            SlotState::Sent(at) => Some(at.plus(ACK_LATE_AFTER)),
            _ => None,
        })
    }

    pub(super) const fn want_read(&mut self) {
        self.gap_at = None;
        self.is_read_wanted = true;
    }

    pub(super) const fn read_ended(&mut self) {
        self.is_reading = false;
    }

    /// Whether the mailbox is to be read now; if so, the read has begun.
    pub(super) fn begin_read(&mut self) -> bool {
        let has_room = self.waiting() < PENDING_MAX_HAND_OFFS / 2;
        if self.is_reading || !(self.is_read_wanted || self.is_behind && has_room) {
            return false;
        }
        self.is_reading = true;
        self.is_read_wanted = false;
        self.is_behind = false;
        true
    }

    fn waiting(&self) -> usize {
        self.slots.len() - self.sent
    }

    /// Takes a hand-off of this connection in.
    pub(super) fn offer(&mut self, now: UnixMillis, body: &Arc<PushBody>, target: HandOffTarget) {
        if target.seq <= self.hi {
            self.fill(body);
        } else if self.is_behind {
            // The mailbox is read once there is room, and holds this one too.
        } else if self.waiting() >= PENDING_MAX_HAND_OFFS || self.early.len() >= PENDING_MAX_HAND_OFFS {
            self.is_behind = true;
        } else if target.seq == self.hi + 1 {
            self.append(Slot::of_hand_off(body, target));
            self.take_early(now);
        } else {
            self.early.push((Arc::clone(body), target));
            self.gap_at.get_or_insert_with(|| now.plus(GAP_PATIENCE));
        }
    }

    /// Takes in what is no longer early; what still is waits for its own time.
    pub(super) fn take_early(&mut self, now: UnixMillis) {
        if self.early.is_empty() {
            return;
        }
        let mut early = std::mem::take(&mut self.early);
        early.sort_unstable_by_key(|(_, target)| target.seq);
        early.retain(|(body, target)| {
            if target.seq == self.hi + 1 {
                self.append(Slot::of_hand_off(body, *target));
            }
            target.seq > self.hi
        });
        self.gap_at = (!early.is_empty()).then(|| self.gap_at.unwrap_or_else(|| now.plus(GAP_PATIENCE)));
        self.early = early;
    }

    /// Adds the entry that follows the last known one. Unsent ones that it replaces will not be sent.
    pub(super) fn append(&mut self, slot: Slot) {
        if slot.collapse_key.is_some() && slot.state == SlotState::Waiting {
            for older in self.slots.iter_mut().skip(self.sent) {
                if older.state == SlotState::Waiting && older.collapse_key == slot.collapse_key {
                    older.state = SlotState::Doomed(Reason::Collapsed);
                }
            }
        }
        self.hi = slot.last;
        self.slots.push_back(slot);
    }

    pub(super) fn slot_mut(&mut self, last: Seq) -> Option<&mut Slot> {
        let at = self.slots.binary_search_by_key(&last, |slot| slot.last).ok()?;
        self.slots.get_mut(at)
    }

    /// The next entry to send.
    pub(super) fn next_mut(&mut self) -> Option<&mut Slot> {
        self.slots.get_mut(self.sent)
    }

    /// Messages and bytes that are sent and not acknowledged.
    pub(super) const fn unacknowledged(&self) -> (usize, usize) {
        (self.unacknowledged, self.unacknowledged_bytes)
    }

    /// The next entry was sent. Returns how many seqs it stood for.
    pub(super) fn advance(&mut self, state: SlotState) -> u64 {
        let before = self.position;
        if let Some(slot) = self.slots.get_mut(self.sent) {
            slot.state = state;
            if let SlotState::Sent(_) = state {
                self.unacknowledged += 1;
                slot.sent_bytes = slot.content.take().map_or(0, |content| content.len());
                self.unacknowledged_bytes += slot.sent_bytes;
            }
            self.position = slot.last;
            self.sent += 1;
        }
        self.position - before
    }

    /// Everything up to `seq` is safe on the device. `None` = it was never sent.
    pub(super) fn acknowledge(&mut self, seq: Seq) -> Option<Vec<Slot>> {
        if seq > self.position {
            return None;
        }
        let mut done = Vec::new();
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.last <= seq) {
            self.sent -= 1;
            if let SlotState::Sent(_) = slot.state {
                self.unacknowledged -= 1;
                self.unacknowledged_bytes -= slot.sent_bytes;
            }
            done.push(slot);
        }
        if self.slots.is_empty() {
            self.slots = VecDeque::new();
        }
        Some(done)
    }

    /// Begins to bury everything unsent that is not to be sent. Empty = nothing is, or the last burial is under way.
    pub(super) fn begin_burial(&mut self, now: UnixMillis) -> Vec<(Seq, Reason)> {
        let unsent = || self.slots.iter().skip(self.sent);
        if unsent().any(|slot| matches!(slot.state, SlotState::Burying(_))) {
            return Vec::new();
        }
        let mut burial = Vec::new();
        for slot in self.slots.iter_mut().skip(self.sent) {
            let reason = match slot.state {
                SlotState::Doomed(reason) => reason,
                SlotState::Waiting if slot.expires_at <= now => Reason::TimeToLive,
                _ => continue,
            };
            slot.state = SlotState::Burying(reason);
            slot.content = None;
            burial.push((slot.last, reason));
        }
        burial
    }

    /// The burial is done: the slots, with their reasons.
    pub(super) fn buried(&mut self) -> Vec<(Seq, MessageId, UnixMillis, Reason)> {
        let mut buried = Vec::new();
        for slot in &mut self.slots {
            if let SlotState::Burying(reason) = slot.state {
                slot.state = SlotState::Buried(reason);
                buried.push((slot.last, slot.message, slot.enqueued_at, reason));
            }
        }
        buried
    }

    pub(super) fn bury_failed(&mut self) {
        for slot in &mut self.slots {
            if let SlotState::Burying(reason) = slot.state {
                slot.state = SlotState::Doomed(reason);
            }
        }
    }

    /// Whether a body is to be fetched now; if so, that has begun.
    pub(super) const fn begin_fetch(&mut self) -> bool {
        !std::mem::replace(&mut self.is_fetching, true)
    }

    pub(super) const fn fetch_failed(&mut self) {
        self.is_fetching = false;
    }

    /// A body that is gone has outlived its time.
    pub(super) fn fetched(&mut self, message: MessageId, body: Option<&PushBody>) {
        self.is_fetching = false;
        let wanted = |slot: &&mut Slot| slot.message == message && slot.state == SlotState::Waiting;
        if let Some(slot) = self.slots.iter_mut().skip(self.sent).find(wanted) {
            match body {
                Some(body) => slot.content = Some(Content::of(body)),
                None => slot.state = SlotState::Doomed(Reason::TimeToLive),
            }
        }
    }

    /// A repeated hand-off may bring what would have to be fetched.
    fn fill(&mut self, body: &PushBody) {
        let lacks = |slot: &&mut Slot| {
            slot.message == body.message && slot.state == SlotState::Waiting && slot.content.is_none()
        };
        if let Some(slot) = self.slots.iter_mut().skip(self.sent).find(lacks) {
            slot.content = Some(Content::of(body));
        }
    }
}
