//! A small world in memory for tests: it can fail at any port call, before, in the middle of, or after its effect.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use homing_domain::{
    AppId, BatchId, Delivery, DeviceId, Message, MessageId, Millis, Receipt, Shard, ShardId, Tally, UnixMillis,
};
use homing_ports::{
    Accepted, Clock, DeadLetter, Error, Fault, Ledger, Messages, Outgoing, QueueName, Queues, ReceiptHandle, Received,
    Result,
};

/// Where an injected failure strikes. A batch of rows is not atomic, so it may also be cut in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    Halfway,
    After,
}

impl When {
    pub(crate) const ALL: [Self; 3] = [Self::Before, Self::Halfway, Self::After];
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) rows: BTreeMap<(MessageId, DeviceId), Delivery>,
    pub(crate) counted: HashSet<(BatchId, MessageId)>,
    pub(crate) tallies: BTreeMap<MessageId, Tally>,
    pub(crate) shards: BTreeMap<ShardId, Shard>,
    pub(crate) sent: Vec<(QueueName, Outgoing)>,
    pub(crate) now: UnixMillis,
    pub(crate) calls: usize,
    pub(crate) fail_at: Option<(usize, When)>,
}

#[derive(Default)]
pub(crate) struct World(Mutex<State>);

impl World {
    pub(crate) fn with<T>(&self, does: impl FnOnce(&mut State) -> T) -> T {
        does(&mut self.0.lock().unwrap())
    }

    /// `does` is told whether it is cut off halfway.
    fn call<T>(&self, does: impl FnOnce(&mut State, bool) -> T) -> Result<T> {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        let strikes = state.fail_at.filter(|(at, _)| *at == state.calls).map(|(_, when)| when);
        let failure = || Err(Error::new(Fault::Retry, "call the world"));
        if strikes == Some(When::Before) {
            return failure();
        }
        let answer = does(&mut state, strikes == Some(When::Halfway));
        if strikes.is_some() { failure() } else { Ok(answer) }
    }

    pub(crate) fn take_sent(&self, queue: QueueName) -> Vec<Outgoing> {
        self.with(|state| {
            let (taken, left) = std::mem::take(&mut state.sent).into_iter().partition(|(name, _)| *name == queue);
            state.sent = left;
            let taken: Vec<_> = taken;
            taken.into_iter().map(|(_, item)| item).collect()
        })
    }
}

impl Clock for World {
    fn now(&self) -> UnixMillis {
        self.with(|state| state.now)
    }
}

impl Ledger for World {
    async fn record(&self, batch: BatchId, receipts: Vec<Receipt>) -> Result<Vec<Delivery>> {
        self.call(|state, is_cut| {
            let reach = if is_cut { receipts.len() / 2 } else { receipts.len() };
            let record = |receipt: &Receipt| {
                let row = state
                    .rows
                    .entry((receipt.message, receipt.device))
                    .or_insert_with(|| Delivery::new(receipt.message, receipt.device, receipt.channel));
                row.record(receipt, batch);
                row.clone()
            };
            receipts[..reach].iter().map(record).collect()
        })
    }

    async fn count(&self, batch: BatchId, changes: Vec<(MessageId, Tally)>) -> Result<()> {
        self.call(|state, is_cut| {
            let reach = if is_cut { changes.len() / 2 } else { changes.len() };
            for (message, tally) in &changes[..reach] {
                if state.counted.insert((batch, *message)) {
                    state.tallies.entry(*message).or_default().merge(tally);
                }
            }
        })
    }

    async fn count_targets(&self, _: ShardId, _: MessageId, _: usize) -> Result<()> {
        unreachable!()
    }

    async fn tally(&self, _: MessageId) -> Result<Tally> {
        unreachable!()
    }

    async fn delivery(&self, message: MessageId, device: DeviceId) -> Result<Option<Delivery>> {
        self.call(|state, _| state.rows.get(&(message, device)).cloned())
    }

    async fn deliveries(&self, _: MessageId, _: Option<DeviceId>, _: usize) -> Result<Vec<Delivery>> {
        unreachable!()
    }
}

impl Messages for World {
    async fn accept(&self, _: Message) -> Result<Accepted> {
        unreachable!()
    }

    async fn message(&self, _: MessageId) -> Result<Option<Message>> {
        unreachable!()
    }

    async fn messages_of_app(&self, _: &AppId, _: Option<(UnixMillis, MessageId)>, _: usize) -> Result<Vec<Message>> {
        unreachable!()
    }

    async fn overdue(&self, _: UnixMillis, _: usize) -> Result<Vec<MessageId>> {
        unreachable!()
    }

    async fn begin_release(&self, _: MessageId, _: UnixMillis) -> Result<Option<Message>> {
        unreachable!()
    }

    async fn finish_segment(&self, _: MessageId, _: u8, _: UnixMillis) -> Result<Option<Message>> {
        unreachable!()
    }

    async fn complete(&self, _: MessageId) -> Result<()> {
        unreachable!()
    }

    async fn put_shard(&self, _: Shard) -> Result<Shard> {
        unreachable!()
    }

    async fn shards(&self, message: MessageId, after: Option<ShardId>, limit: usize) -> Result<Vec<Shard>> {
        self.call(|state, _| {
            let wanted = |shard: &&Shard| shard.message == message && after.is_none_or(|after| shard.id > after);
            state.shards.values().filter(wanted).take(limit).cloned().collect()
        })
    }
}

impl Queues for World {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        self.call(|state, is_cut| {
            let reach = if is_cut { items.len() / 2 } else { items.len() };
            state.sent.extend(items.into_iter().take(reach).map(|item| (queue, item)));
        })
    }

    async fn receive(&self, _: QueueName, _: usize, _: Millis) -> Result<Vec<Received>> {
        unreachable!()
    }

    async fn delete(&self, _: QueueName, _: Vec<ReceiptHandle>) -> Result<()> {
        unreachable!()
    }

    async fn retry(&self, _: QueueName, _: ReceiptHandle, _: Millis, _: &str) -> Result<()> {
        unreachable!()
    }

    async fn give_up(&self, _: QueueName, _: Received, _: &str) -> Result<()> {
        unreachable!()
    }

    async fn dead_letters(&self, _: QueueName, _: usize) -> Result<Vec<DeadLetter>> {
        unreachable!()
    }

    async fn redrive(&self, _: QueueName, _: bytes::Bytes) -> Result<()> {
        unreachable!()
    }

    async fn depth(&self, _: QueueName) -> Result<u64> {
        unreachable!()
    }
}
