//! Which items of one queue may be received, in memory: ready ones by group, delayed ones and those in flight by time.
//!
//! Most items are received once and deleted, and a million may wait, so an item that was never received costs only its
//! place in a line. What was received before is remembered in `tried`.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use homing_domain::UnixMillis;
use homing_ports::{QueueName, ReceiptHandle, Received};

use crate::rows::QueueItemRow;

/// Number of an item within its queue, rising.
pub(super) type ItemId = u64;
/// Whose items these are; `None` = nobody's.
type Group = Option<Arc<str>>;

/// One receive of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) id: ItemId,
    /// Never given out twice, not even over a restart.
    receive: u64,
}

/// An item that was just received.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) handle: Handle,
    receives: u32,
}

/// An item that was tried too often.
#[derive(Debug)]
pub(super) struct Spent {
    pub(super) id: ItemId,
    pub(super) receives: u32,
    pub(super) reason: Option<Box<str>>,
}

/// Where an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ready,
    /// Delayed or in flight.
    Hidden(UnixMillis),
}

/// An item that was received at least once.
#[derive(Debug)]
struct Tried {
    receives: u32,
    /// The last receive: older handles are void.
    receive: u64,
    reason: Option<Box<str>>,
    group: Group,
    place: Place,
}

/// The index.
#[derive(Debug)]
pub(super) struct Index {
    /// Lines of visible items; a group without items has no line.
    ready: HashMap<Group, VecDeque<ItemId>>,
    /// Whose turn it is: each group with a line, once.
    turns: VecDeque<Group>,
    /// Delayed and in flight, by the time when they become visible.
    hidden: BTreeSet<(UnixMillis, ItemId)>,
    /// Groups of delayed items that were never received.
    delayed_groups: HashMap<ItemId, Group>,
    tried: HashMap<ItemId, Tried>,
    /// Deleted while they stood in a line.
    gone: HashSet<ItemId>,
    /// Names of groups, shared.
    names: HashSet<Arc<str>>,
    next_id: ItemId,
    next_receive: u64,
    waiting: u64,
}

/// Ids start at the present, shifted by so many bits, so that no life of the process gives out what an earlier one did:
/// more than a thousand items per millisecond would be needed to run ahead of the clock.
const IDS_PER_MILLI_BITS: u32 = 10;
/// Names of groups kept while nothing of theirs waits; then those are forgotten.
const NAMES_MAX: usize = 4_096;

impl Index {
    pub(super) fn new(now: UnixMillis) -> Self {
        let first = now.0 << IDS_PER_MILLI_BITS;
        Self {
            ready: HashMap::new(),
            turns: VecDeque::new(),
            hidden: BTreeSet::new(),
            delayed_groups: HashMap::new(),
            tried: HashMap::new(),
            gone: HashSet::new(),
            names: HashSet::new(),
            next_id: first,
            next_receive: first,
            waiting: 0,
        }
    }

    pub(super) fn next_id(&mut self) -> ItemId {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Gives out only ids above one that is taken: the clock may have been set back since.
    pub(super) fn skip_ids(&mut self, taken: ItemId) {
        self.next_id = self.next_id.max(taken + 1);
        self.next_receive = self.next_receive.max(taken + 1);
    }

    /// How many items there are: visible, delayed and in flight.
    pub(super) const fn len(&self) -> u64 {
        self.waiting
    }

    /// Adds an item that is durable.
    pub(super) fn add(&mut self, id: ItemId, group: Option<&str>, visible_at: UnixMillis, now: UnixMillis) {
        self.skip_ids(id);
        self.waiting += 1;
        let group = group.map(|name| self.name(name));
        if visible_at <= now {
            self.line_up(id, group);
        } else {
            self.hidden.insert((visible_at, id));
            if group.is_some() {
                self.delayed_groups.insert(id, group);
            }
        }
    }

    /// Whether a handle names the last receive of an item that is still there.
    pub(super) fn is_current(&self, handle: Handle) -> bool {
        self.tried.get(&handle.id).is_some_and(|tried| tried.receive == handle.receive)
    }

    /// Forgets an item that is no longer on disk.
    pub(super) fn remove(&mut self, id: ItemId) {
        // Only what was received can be deleted or given up.
        if let Some(tried) = self.tried.remove(&id) {
            self.waiting -= 1;
            match tried.place {
                Place::Ready => {
                    self.gone.insert(id);
                }
                Place::Hidden(until) => {
                    self.hidden.remove(&(until, id));
                }
            }
        }
    }

    /// When the next hidden item becomes visible.
    pub(super) fn next_due(&self) -> Option<UnixMillis> {
        self.hidden.first().map(|(at, _)| *at)
    }

    /// Receives up to `max` items, one of each group in turn. Also names items that were tried too often; they are hidden
    /// until they are buried, so that nobody gets them meanwhile.
    pub(super) fn take(&mut self, queue: QueueName, max: usize, now: UnixMillis) -> (Vec<Taken>, Vec<Spent>) {
        self.reveal(now);
        let mut taken = Vec::new();
        let mut spent = Vec::new();
        while taken.len() < max {
            let Some((id, group)) = self.next_in_turn() else {
                break;
            };
            if self.gone.remove(&id) {
                continue;
            }
            let until = now.plus(queue.visibility());
            let receive = self.next_receive;
            self.next_receive += 1;
            let tried = self.tried.entry(id).or_insert(Tried {
                receives: 0,
                receive,
                reason: None,
                group,
                place: Place::Ready,
            });
            tried.place = Place::Hidden(until);
            self.hidden.insert((until, id));
            if tried.receives >= queue.max_receives() {
                spent.push(Spent { id, receives: tried.receives, reason: tried.reason.clone() });
                continue;
            }
            tried.receives += 1;
            tried.receive = receive;
            taken.push(Taken { handle: Handle { id, receive }, receives: tried.receives });
        }
        (taken, spent)
    }

    /// Lets an item be received again at `at`. Answers it when it was tried too often: it is to be buried instead.
    pub(super) fn retry(
        &mut self,
        queue: QueueName,
        handle: Handle,
        at: UnixMillis,
        reason: Box<str>,
    ) -> Option<Spent> {
        if !self.is_current(handle) {
            return None;
        }
        let tried = self.tried.get_mut(&handle.id)?;
        tried.reason = Some(reason);
        if let Place::Hidden(until) = tried.place {
            if tried.receives >= queue.max_receives() {
                return Some(Spent { id: handle.id, receives: tried.receives, reason: tried.reason.clone() });
            }
            self.hidden.remove(&(until, handle.id));
            self.hidden.insert((at, handle.id));
            tried.place = Place::Hidden(at);
        }
        None
    }

    /// Moves hidden items whose time has come into their lines.
    fn reveal(&mut self, now: UnixMillis) {
        while let Some((_, id)) = self.hidden.first().copied().filter(|(at, _)| *at <= now) {
            self.hidden.pop_first();
            let group = match self.tried.get_mut(&id) {
                Some(tried) => {
                    tried.place = Place::Ready;
                    tried.group.clone()
                }
                None => self.delayed_groups.remove(&id).flatten(),
            };
            self.line_up(id, group);
        }
    }

    fn line_up(&mut self, id: ItemId, group: Group) {
        let line = self.ready.entry(group.clone()).or_default();
        if line.is_empty() {
            self.turns.push_back(group);
        }
        line.push_back(id);
    }

    fn next_in_turn(&mut self) -> Option<(ItemId, Group)> {
        let group = self.turns.pop_front()?;
        let line = self.ready.get_mut(&group)?;
        let id = line.pop_front()?;
        if line.is_empty() {
            self.ready.remove(&group);
        } else {
            self.turns.push_back(group.clone());
        }
        Some((id, group))
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        if self.names.len() >= NAMES_MAX {
            self.names.retain(|name| Arc::strong_count(name) > 1);
        }
        let new: Arc<str> = name.into();
        self.names.insert(Arc::clone(&new));
        new
    }
}

impl Handle {
    /// As callers hold it.
    fn to_receipt(self) -> ReceiptHandle {
        let mut bytes = Vec::with_capacity(16);
        bytes.extend_from_slice(&self.id.to_be_bytes());
        bytes.extend_from_slice(&self.receive.to_be_bytes());
        ReceiptHandle(bytes.into())
    }

    pub(super) fn from_receipt(receipt: &ReceiptHandle) -> Option<Self> {
        let (id, receive) = receipt.0.split_first_chunk()?;
        let receive = receive.try_into().ok()?;
        Some(Self { id: u64::from_be_bytes(*id), receive: u64::from_be_bytes(receive) })
    }
}

impl Taken {
    /// With its row from the disk.
    pub(super) fn with(self, row: QueueItemRow) -> Received {
        let body: Bytes = row.body;
        Received {
            handle: self.handle.to_receipt(),
            body,
            receives: self.receives,
            sent_at: UnixMillis(row.sent_at),
            // Nobody outside writes to these queues.
            attributes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
