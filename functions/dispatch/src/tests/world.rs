//! A small world in memory, on the real mailbox model, that can fail at any port call.

use std::collections::BTreeMap;
use std::sync::Mutex;

use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{
    AppId, BusEvent, ChangeRefused, Channel, ConnSeq, Delivery, Device, DeviceId, FeedEntry, FeedOffset, GatewayRef,
    Lease, Message, MessageChange, MessageId, Millis, Notice, Reason, ReceiptBatch, Seq, Shard, ShardId, UnixMillis,
    UserHash, VendorAnswer, VendorPush,
};
use homing_ports::{
    Accepted, Clock, Created, DeadLetter, Error, Fault, Gateways, Mailboxes, Messages, Notices, Outgoing, QueueName,
    Queues, ReceiptHandle, Received, Result,
};

/// Where an injected failure strikes. A batch is not atomic, so it may also be cut in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    Halfway,
    After,
}

impl When {
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::Halfway, Self::After];
}

#[derive(Default)]
pub(super) struct State {
    pub(super) now: UnixMillis,
    pub(super) messages: BTreeMap<MessageId, Message>,
    pub(super) mailboxes: BTreeMap<DeviceId, Mailbox>,
    pub(super) leases: Vec<Lease>,
    pub(super) notices: Vec<(GatewayRef, Notice)>,
    pub(super) sent: Vec<(QueueName, Outgoing)>,
    pub(super) told: Vec<ReceiptBatch>,
    pub(super) message_reads: usize,
    pub(super) lease_reads: usize,
    pub(super) calls: usize,
    pub(super) fail_at: Option<(usize, When)>,
    /// Its own call within a batch fails, once.
    pub(super) failing_device: Option<DeviceId>,
    /// Its inbox is full, once.
    pub(super) full_inbox: Option<GatewayRef>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) deliveries: BTreeMap<(MessageId, DeviceId), Delivery>,
    pub(super) feed: BTreeMap<FeedOffset, FeedEntry>,
    /// Who puts entries at the offsets that dispatch wants next, one each.
    pub(super) rivals: Vec<FeedEntry>,
    /// Which vendors something goes by.
    pub(super) channels: Vec<Channel>,
    /// Everything that vendors were asked, one device each, with the number of the call.
    pub(super) asked: Vec<(usize, VendorPush)>,
    /// What vendors answer, before they accept.
    pub(super) answers: Vec<VendorAnswer>,
    /// Whether vendors drop repeats.
    pub(super) may_repeat: bool,
    /// Devices that a vendor is asked for at once.
    pub(super) batch_max: usize,
    /// For how many devices vendors may be asked, and when for the others, before it is for all.
    pub(super) admits: Vec<(usize, Millis)>,
    /// The process dies after so many claims more.
    pub(super) dies_after_claims: Option<usize>,
    /// Leaves that nobody was asked for with, by their devices.
    pub(super) given_back: Vec<usize>,
    /// What was told on the bus.
    pub(super) published: Vec<BusEvent>,
    /// Tokens that the index forgot.
    pub(super) tokens_released: Vec<(Channel, String, DeviceId)>,
}

#[derive(Default)]
pub(super) struct World(Mutex<State>);

const fn failure<T>() -> Result<T> {
    Err(Error::new(Fault::Retry, "call the world"))
}

impl World {
    pub(super) fn with<T>(&self, does: impl FnOnce(&mut State) -> T) -> T {
        does(&mut self.0.lock().unwrap())
    }

    /// `does` is told whether it is cut off halfway.
    pub(super) fn call<T>(&self, does: impl FnOnce(&mut State, bool) -> T) -> Result<T> {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        let strikes = state.fail_at.filter(|(at, _)| *at == state.calls).map(|(_, when)| when);
        if strikes == Some(When::Before) {
            return failure();
        }
        let answer = does(&mut state, strikes == Some(When::Halfway));
        if strikes.is_some() { failure() } else { Ok(answer) }
    }

    /// What went back to dispatch.
    pub(super) fn take_sent(&self, queue: QueueName) -> Vec<Outgoing> {
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

impl Mailboxes for World {
    async fn create_mailbox(&self, _: DeviceId, _: Mailbox) -> Result<Created> {
        unreachable!()
    }

    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        self.call(|state, _| state.mailboxes.get(&device).cloned())
    }

    async fn enqueue(&self, requests: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        self.call(|state, is_cut| {
            let reach = if is_cut { requests.len() / 2 } else { requests.len() };
            let enqueue = |(device, request): (DeviceId, Enqueue)| {
                if state.failing_device.take_if(|failing| *failing == device).is_some() {
                    return failure();
                }
                Ok(state.mailboxes.get_mut(&device).map_or(Enqueued::Unknown, |mailbox| mailbox.enqueue(request)))
            };
            requests.into_iter().take(reach).map(enqueue).collect()
        })
    }

    async fn take_over(&self, _: DeviceId, _: Takeover) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        unreachable!()
    }

    async fn tombstone(
        &self,
        _: DeviceId,
        _: ConnSeq,
        _: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        unreachable!()
    }

    async fn trim(&self, _: DeviceId, _: ConnSeq, _: Seq, _: Seq) -> Result<std::result::Result<Trimmed, Fenced>> {
        unreachable!()
    }

    async fn detach(&self, _: DeviceId, _: ConnSeq, _: Seq) -> Result<std::result::Result<Detached, Fenced>> {
        unreachable!()
    }

    async fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> Result<()> {
        self.call(|state, _| {
            if let Some(mailbox) = state.mailboxes.get_mut(&device) {
                mailbox.has_vendor = has_vendor;
            }
        })
    }

    async fn withdraw(&self, device: DeviceId, message: MessageId, reason: Reason) -> Result<Withdrawn> {
        self.call(|state, _| {
            state.mailboxes.get_mut(&device).map_or(Withdrawn::Absent, |mailbox| mailbox.withdraw(message, reason))
        })
    }

    async fn bind(&self, _: DeviceId, _: Option<UserHash>) -> Result<Option<Rebound>> {
        unreachable!()
    }

    async fn revoke(&self, _: DeviceId) -> Result<Option<Rebound>> {
        unreachable!()
    }

    async fn overflow(&self, device: DeviceId) -> Result<Option<Overflowed>> {
        self.call(|state, _| state.mailboxes.get_mut(&device).map(Mailbox::overflow))
    }

    async fn merge_overflow(&self, device: DeviceId, told: Vec<MessageId>) -> Result<()> {
        self.call(|state, _| {
            for message in &told {
                let is_told = |batch: &ReceiptBatch| {
                    batch.receipts.iter().any(|receipt| receipt.message == *message && receipt.device == device)
                };
                assert!(state.told.iter().any(is_told), "merged before the ledger was told");
            }
            if let Some(mailbox) = state.mailboxes.get_mut(&device) {
                mailbox.merge_overflow(&told);
            }
        })
    }
}

impl Gateways for World {
    async fn renew_lease(&self, _: Lease) -> Result<bool> {
        unreachable!()
    }

    async fn end_lease(&self, _: GatewayRef) -> Result<()> {
        unreachable!()
    }

    async fn leases(&self) -> Result<Vec<Lease>> {
        self.call(|state, _| {
            state.lease_reads += 1;
            state.leases.clone()
        })
    }
}

impl Notices for World {
    async fn notify(&self, gateway: GatewayRef, notices: Vec<Notice>) -> Result<()> {
        self.call(|state, _| {
            if state.full_inbox.take_if(|full| *full == gateway).is_some() {
                return failure();
            }
            state.notices.extend(notices.into_iter().map(|notice| (gateway, notice)));
            Ok(())
        })?
    }
}

impl Queues for World {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        self.call(|state, is_cut| {
            let reach = if is_cut { items.len() / 2 } else { items.len() };
            for item in items.into_iter().take(reach) {
                if queue == QueueName::Receipts {
                    state.told.push(homing_contract::queue::decode(&item.body).unwrap());
                }
                state.sent.push((queue, item));
            }
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

impl Messages for World {
    async fn accept(&self, _: Message) -> Result<Accepted> {
        unreachable!()
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>> {
        self.call(|state, _| {
            state.message_reads += 1;
            state.messages.get(&id).cloned()
        })
    }

    async fn messages_of_app(&self, _: &AppId, _: Option<(UnixMillis, MessageId)>, _: usize) -> Result<Vec<Message>> {
        unreachable!()
    }

    async fn overdue(&self, _: UnixMillis, _: usize) -> Result<Vec<MessageId>> {
        unreachable!()
    }

    async fn begin_release(&self, _: MessageId, _: UnixMillis, _: Option<FeedOffset>) -> Result<Option<Message>> {
        unreachable!()
    }

    async fn finish_segment(&self, _: MessageId, _: u8, _: UnixMillis) -> Result<Option<Message>> {
        unreachable!()
    }

    async fn complete(&self, _: MessageId) -> Result<()> {
        unreachable!()
    }

    async fn change(
        &self,
        _: MessageId,
        _: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        unreachable!()
    }

    async fn put_shard(&self, _: Shard) -> Result<Shard> {
        unreachable!()
    }

    async fn shards(&self, _: MessageId, _: Option<ShardId>, _: usize) -> Result<Vec<Shard>> {
        unreachable!()
    }
}
