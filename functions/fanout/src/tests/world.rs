//! A small world in memory that can fail at any port call, before or after the call took effect.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

use homing_domain::{
    App, AppId, BatchId, BusEvent, ChangeRefused, Counter, Delivery, Device, DeviceId, DeviceProfile, EventSettings,
    Message, MessageChange, MessageId, Millis, Platform, Preferences, Receipt, Shard, ShardId, Stage, Tally,
    UnixMillis, UpstreamRoute, UserId,
};
use homing_ports::{
    Accepted, Apps, Clock, Created, DeadLetter, Devices, Error, Events, Fault, Ledger, Messages, Outgoing, QueueName,
    Queues, ReceiptHandle, Received, Replaced, Result,
};

/// Where an injected failure strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) messages: HashMap<MessageId, Message>,
    pub(super) shards: BTreeMap<ShardId, Shard>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) queues: HashMap<QueueName, Vec<Outgoing>>,
    pub(super) counted: HashSet<ShardId>,
    pub(super) tally: Tally,
    /// Whether the app asks for completions.
    pub(super) asks: bool,
    pub(super) tally_reads: usize,
    pub(super) events: Vec<BusEvent>,
    pub(super) calls: usize,
    pub(super) fail_at: Option<(usize, When)>,
}

#[derive(Default)]
pub(super) struct World(pub(super) Mutex<State>);

pub(super) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

impl World {
    fn call<T>(&self, does: impl FnOnce(&mut State) -> T) -> Result<T> {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        let at = state.calls;
        let failure = || Err(Error::new(Fault::Retry, "call the world"));
        if state.fail_at == Some((at, When::Before)) {
            return failure();
        }
        let answer = does(&mut state);
        if state.fail_at == Some((at, When::After)) { failure() } else { Ok(answer) }
    }

    pub(super) fn with<T>(&self, does: impl FnOnce(&mut State) -> T) -> T {
        does(&mut self.0.lock().unwrap())
    }

    pub(super) fn take(&self, queue: QueueName) -> Option<Outgoing> {
        self.with(|state| state.queues.get_mut(&queue).and_then(Vec::pop))
    }

    pub(super) fn targeted(&self) -> i64 {
        self.with(|state| state.tally.get(Counter::Targeted))
    }
}

pub(super) fn device(app: &AppId, n: u32, user: Option<&UserId>, created_at: UnixMillis) -> Device {
    // The first byte says the segment: spread evenly.
    let mut id = [0; 16];
    id[0] = n.to_le_bytes()[0];
    id[12..].copy_from_slice(&n.to_be_bytes());
    Device {
        id: DeviceId::from_bytes(id),
        app: app.clone(),
        profile: DeviceProfile {
            platform: Platform::Android,
            brand: None,
            model: None,
            os_version: None,
            app_version: None,
            locale: None,
            timezone: None,
            notifications_enabled: true,
        },
        vendor: None,
        user: user.cloned(),
        tags: Vec::new(),
        epoch: 1,
        key_id: 1,
        credential_generation: 1,
        created_at,
        updated_at: created_at,
        revision: 1,
        user_since: None,
        preferences: Preferences::default(),
        seen_at: UnixMillis(0),
    }
}

impl Clock for World {
    fn now(&self) -> UnixMillis {
        NOW
    }
}

impl Apps for World {
    async fn create_app(&self, _: App) -> Result<Created> {
        unreachable!()
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        let app = |asks| App {
            id: id.clone(),
            name: id.to_string(),
            server_keys: Vec::new(),
            client_key: [0; 32],
            quota_per_second: None,
            heartbeat: None,
            events: EventSettings { message_completed: asks, presence: false },
            upstream: UpstreamRoute::Poll,
            created_at: NOW,
            revision: 1,
        };
        self.call(|state| Some(app(state.asks)))
    }

    async fn apps(&self, _: Option<&AppId>, _: usize) -> Result<Vec<App>> {
        unreachable!()
    }

    async fn replace_app(&self, _: App) -> Result<Replaced> {
        unreachable!()
    }

    async fn delete_app(&self, _: &AppId) -> Result<()> {
        unreachable!()
    }
}

impl Events for World {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<()> {
        self.call(|state| state.events.extend(events))
    }
}

impl Messages for World {
    async fn accept(&self, _: Message) -> Result<Accepted> {
        unreachable!()
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>> {
        self.call(|state| state.messages.get(&id).cloned())
    }

    async fn messages_of_app(&self, _: &AppId, _: Option<(UnixMillis, MessageId)>, _: usize) -> Result<Vec<Message>> {
        unreachable!()
    }

    async fn overdue(&self, _: UnixMillis, _: usize) -> Result<Vec<MessageId>> {
        unreachable!()
    }

    async fn begin_release(&self, id: MessageId, now: UnixMillis) -> Result<Option<Message>> {
        self.call(|state| {
            let message = state.messages.get_mut(&id)?;
            if matches!(message.stage, Stage::Accepted | Stage::Scheduled) {
                message.stage = Stage::Releasing;
                message.releasing_at = Some(now);
            }
            Some(message.clone())
        })
    }

    async fn finish_segment(&self, id: MessageId, segment: u8, now: UnixMillis) -> Result<Option<Message>> {
        self.call(|state| {
            let message = state.messages.get_mut(&id)?;
            message.segments_done |= 1 << segment;
            if message.is_enumerated() && message.stage == Stage::Releasing {
                message.stage = Stage::Released;
                message.released_at = Some(now);
            }
            Some(message.clone())
        })
    }

    async fn complete(&self, id: MessageId) -> Result<()> {
        self.call(|state| {
            if let Some(message) = state.messages.get_mut(&id).filter(|message| message.stage == Stage::Released) {
                message.stage = Stage::Completed;
            }
        })
    }

    async fn change(
        &self,
        id: MessageId,
        change: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        self.call(|state| {
            let message = state.messages.get_mut(&id)?;
            let applied = message.apply(change);
            Some(applied.map(|()| message.clone()))
        })
    }

    async fn put_shard(&self, shard: Shard) -> Result<Shard> {
        self.call(|state| state.shards.entry(shard.id).or_insert(shard).clone())
    }

    async fn shards(&self, _: MessageId, _: Option<ShardId>, _: usize) -> Result<Vec<Shard>> {
        unreachable!()
    }
}

impl Devices for World {
    async fn create_device(&self, _: Device) -> Result<Created> {
        unreachable!()
    }

    async fn device(&self, _: &DeviceId) -> Result<Option<Device>> {
        unreachable!()
    }

    async fn devices(&self, ids: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        self.call(|state| ids.iter().map(|id| state.devices.get(id).cloned()).collect())
    }

    async fn touch_device(&self, id: &DeviceId, seen_at: UnixMillis) -> Result<()> {
        unreachable!("{id} {seen_at}")
    }

    async fn replace_device(&self, _: Device) -> Result<Replaced> {
        unreachable!()
    }

    async fn delete_device(&self, _: &DeviceId) -> Result<()> {
        unreachable!()
    }

    async fn devices_of_app(
        &self,
        app: &AppId,
        segment: u8,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Vec<Device>> {
        self.call(|state| {
            let wanted = |device: &&Device| {
                device.app == *app
                    && Device::segment(&device.id) == segment
                    && after.is_none_or(|after| device.id > after)
            };
            state.devices.values().filter(wanted).take(limit).cloned().collect()
        })
    }

    async fn devices_of_user(&self, app: &AppId, user: &UserId, limit: usize) -> Result<Vec<DeviceId>> {
        self.call(|state| {
            let wanted = |device: &&Device| device.app == *app && device.user.as_ref() == Some(user);
            state.devices.values().filter(wanted).take(limit).map(|device| device.id).collect()
        })
    }
}

impl Queues for World {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        self.call(|state| state.queues.entry(queue).or_default().extend(items))
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

impl Ledger for World {
    async fn record(&self, _: BatchId, _: Vec<Receipt>) -> Result<Vec<Delivery>> {
        unreachable!()
    }

    async fn count(&self, _: BatchId, _: Vec<(MessageId, Tally)>) -> Result<()> {
        unreachable!()
    }

    async fn count_targets(&self, shard: ShardId, _: MessageId, devices: usize, covers: u32) -> Result<()> {
        self.call(|state| {
            if state.counted.insert(shard) {
                state.tally.merge(&Tally::of_page(devices, covers));
            }
        })
    }

    async fn tally(&self, _: MessageId) -> Result<Tally> {
        self.call(|state| {
            state.tally_reads += 1;
            state.tally.clone()
        })
    }

    async fn delivery(&self, _: MessageId, _: DeviceId) -> Result<Option<Delivery>> {
        unreachable!()
    }

    async fn deliveries(&self, _: MessageId, _: Option<DeviceId>, _: usize) -> Result<Vec<Delivery>> {
        unreachable!()
    }
}
