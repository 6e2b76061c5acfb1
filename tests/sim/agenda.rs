//! What happens when, besides the tasks of the executor.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bytes::Bytes;
use homing_domain::{MessageId, Seq, UnixMillis};
use homing_tests::weak::Owner;

use crate::wire::{End, WireId};

/// Names one link of one gateway.
pub(crate) type LinkId = u64;

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Bytes arrive.
    Arrive(WireId, End, Bytes),
    /// An end learns that the connection is over.
    Over(WireId, End),
    /// A link of a gateway has its time.
    LinkTimer(usize, Owner, LinkId),
    /// A gateway's receipts are sent.
    Flush(usize, Owner),
    /// What a gateway counted of the feed is sent.
    Count(usize, Owner),
    /// A device's vendor brings a message.
    VendorBrings(usize, MessageId),
    /// A gateway starts anew.
    StartGateway(usize),
    /// A gateway that stops cleanly is gone, in this life of it.
    StopGateway(usize, u64),
    /// A device connects, in this life of it.
    Connect(usize, u64),
    /// A link of a device has its time.
    DeviceTimer(usize, u64, WireId),
    /// A device's write is durable.
    Committed(usize, u64, u64),
    /// A device's app is called, then is done.
    AppCalled(usize, u64, MessageId, Seq),
    AppDone(usize, u64, MessageId),
    /// A device is switched on.
    StartDevice(usize),
    /// A request is sent (again).
    Publish(usize),
    /// An operator's job is done (again).
    Errand(usize),
    /// A worker starts (again).
    StartWorker(usize),
    /// The next operation of the plan.
    Operate,
}

/// The events to come.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<(UnixMillis, u64, u64)>>,
    events: BTreeMap<u64, Event>,
    next: u64,
}

impl Agenda {
    /// Adds one; among equals the order follows `tie`, except that bytes keep theirs.
    pub(crate) fn add(&mut self, at: UnixMillis, tie: u64, event: Event) {
        self.next += 1;
        let tie = if matches!(event, Event::Arrive(..) | Event::Over(..) | Event::Committed(..)) { 0 } else { tie };
        self.heap.push(Reverse((at, tie, self.next)));
        self.events.insert(self.next, event);
    }

    /// When the next one happens.
    pub(crate) fn next_at(&self) -> Option<UnixMillis> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next one out.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let Reverse((_, _, id)) = self.heap.pop()?;
        self.events.remove(&id)
    }
}
