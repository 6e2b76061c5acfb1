//! A small world in memory for tests: it can fail at any port call, before, in the middle of, or after its effect.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use homing_domain::{
    AlertSettings, App, AppId, Audience, BatchId, BusEvent, ChangeRefused, Channel, ChannelConfig, Claimed, Control,
    Delivery, Device, DeviceId, DeviceProfile, EventSettings, Exclusion, FeedOffset, Granularity, Message,
    MessageChange, MessageId, Millis, Options, Period, Platform, Preferences, Priority, Receipt, Schedule, Shard,
    ShardId, Stage, Tally, UnixMillis, UpstreamRoute, UserId,
};
use homing_ports::{
    Accepted, Apps, Clock, Created, DeadLetter, Devices, Error, Events, Fault, Ledger, Messages, Outgoing, QueueName,
    Queues, ReceiptHandle, Received, Replaced, Result, Statistics,
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

type Change = fn(&mut State);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) rows: BTreeMap<(MessageId, DeviceId), Delivery>,
    pub(crate) counted: HashSet<(BatchId, MessageId)>,
    pub(crate) tallies: BTreeMap<MessageId, Tally>,
    pub(crate) statistics: BTreeMap<(AppId, Period), Tally>,
    pub(crate) statistics_counted: HashSet<(BatchId, AppId)>,
    pub(crate) apps: BTreeMap<AppId, App>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    pub(crate) message_reads: usize,
    pub(crate) devices: BTreeMap<DeviceId, Device>,
    pub(crate) device_reads: usize,
    pub(crate) token_owners: BTreeMap<(Channel, String), DeviceId>,
    pub(crate) channel_config: Option<ChannelConfig>,
    pub(crate) events: Vec<BusEvent>,
    pub(crate) shards: BTreeMap<ShardId, Shard>,
    pub(crate) sent: Vec<(QueueName, Outgoing)>,
    pub(crate) now: UnixMillis,
    pub(crate) calls: usize,
    pub(crate) fail_at: Option<(usize, When)>,
    /// What somebody else does just before this call.
    pub(crate) others: Option<(usize, Change)>,
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
        if let Some((_, others)) = state.others.filter(|(at, _)| *at == state.calls) {
            others(&mut state);
        }
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

/// An app that asks for completions, or does not.
pub(crate) fn app(id: &str, asks: bool) -> App {
    App {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        server_keys: Vec::new(),
        client_key: [0; 32],
        quota_per_second: None,
        heartbeat: None,
        events: EventSettings { message_completed: asks, presence: false },
        upstream: UpstreamRoute::Poll,
        alerts: AlertSettings::default(),
        created_at: UnixMillis(0),
        revision: 1,
    }
}

/// A message of the app `shop` whose devices are all known.
pub(crate) fn released(id: MessageId, expires_at: UnixMillis) -> Message {
    Message {
        id,
        app: "shop".parse().unwrap(),
        audience: Audience::All,
        payload: bytes::Bytes::from_static(b"{}"),
        options: Options { ttl_seconds: 60, priority: Priority::Normal, collapse_key: None, ..Options::default() },
        body_sha256: [0; 32],
        accepted_at: UnixMillis(0),
        release_at: None,
        expires_at,
        stage: Stage::Released,
        releasing_at: Some(UnixMillis(0)),
        released_at: Some(UnixMillis(0)),
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        schedule: Schedule::Now,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: u64::MAX,
    }
}

/// A phone.
pub(crate) fn device(id: DeviceId, app: &str, user: Option<UserId>) -> Device {
    Device {
        id,
        app: app.parse().unwrap(),
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
        user,
        user_since: None,
        preferences: Preferences::default(),
        tags: Vec::new(),
        epoch: 1,
        key_id: 1,
        credential_generation: 1,
        created_at: UnixMillis(0),
        updated_at: UnixMillis(0),
        seen_at: UnixMillis(0),
        revision: 1,
        lanes: Vec::new(),
    }
}

impl Clock for World {
    fn now(&self) -> UnixMillis {
        self.with(|state| state.now)
    }
}

impl Ledger for World {
    async fn version_label(
        &self,
        _: &AppId,
        version: homing_domain::VersionLabel,
    ) -> Result<homing_domain::VersionLabel> {
        Ok(version)
    }

    async fn record(
        &self,
        batch: BatchId,
        receipts: Vec<Receipt>,
        about: homing_domain::Snapshots,
    ) -> Result<Vec<Delivery>> {
        self.call(|state, is_cut| {
            let reach = if is_cut { receipts.len() / 2 } else { receipts.len() };
            let record = |receipt: &Receipt| {
                let row = state
                    .rows
                    .entry((receipt.message, receipt.device))
                    .or_insert_with(|| Delivery::new(receipt.message, receipt.device, receipt.channel));
                if row.record(receipt, batch) {
                    row.keep_about(&about);
                }
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

    async fn count_targets(&self, _: ShardId, _: MessageId, _: usize, _: u32) -> Result<()> {
        unreachable!()
    }

    async fn claim_delivery(&self, _: MessageId, _: DeviceId, _: Channel, _: UnixMillis) -> Result<Claimed> {
        unreachable!()
    }

    async fn release_claim(&self, _: MessageId, _: DeviceId) -> Result<()> {
        unreachable!()
    }

    async fn tally(&self, message: MessageId) -> Result<Tally> {
        self.call(|state, _| state.tallies.get(&message).cloned().unwrap_or_default())
    }

    async fn delivery(&self, message: MessageId, device: DeviceId) -> Result<Option<Delivery>> {
        self.call(|state, _| state.rows.get(&(message, device)).cloned())
    }

    async fn deliveries(&self, _: MessageId, _: Option<DeviceId>, _: usize) -> Result<Vec<Delivery>> {
        unreachable!()
    }
}

impl Statistics for World {
    async fn add_statistics(&self, batch: BatchId, app: &AppId, changes: Vec<(Period, Tally)>) -> Result<()> {
        // One transaction: never half done.
        self.call(|state, _| {
            if state.statistics_counted.insert((batch, app.clone())) {
                for (period, tally) in &changes {
                    state.statistics.entry((app.clone(), *period)).or_default().merge(tally);
                }
            }
        })
    }

    async fn statistics(
        &self,
        _: &AppId,
        _: Granularity,
        _: UnixMillis,
        _: UnixMillis,
    ) -> Result<Vec<(Period, Tally)>> {
        unreachable!()
    }
}

impl Apps for World {
    async fn create_app(&self, _: App) -> Result<Created> {
        unreachable!()
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        self.call(|state, _| state.apps.get(id).cloned())
    }

    async fn apps(&self, after: Option<&AppId>, limit: usize) -> Result<Vec<App>> {
        self.call(|state, _| {
            let wanted = |app: &&App| after.is_none_or(|after| app.id > *after);
            state.apps.values().filter(wanted).take(limit).cloned().collect()
        })
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
        self.call(|state, is_cut| {
            let reach = if is_cut { events.len() / 2 } else { events.len() };
            state.events.extend(events.into_iter().take(reach));
        })
    }
}

impl Devices for World {
    async fn create_device(&self, _: Device) -> Result<Created> {
        unreachable!()
    }

    async fn devices(&self, ids: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        self.call(|state, _| ids.iter().map(|id| state.devices.get(id).cloned()).collect())
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.call(|state, _| {
            state.device_reads += 1;
            state.devices.get(id).cloned()
        })
    }

    async fn replace_device(&self, device: Device) -> Result<Replaced> {
        self.call(|state, _| {
            state.devices.insert(device.id, device);
            Replaced::Done
        })
    }

    async fn touch_device(&self, _: &DeviceId, _: UnixMillis) -> Result<()> {
        unreachable!()
    }

    async fn delete_device(&self, _: &DeviceId) -> Result<()> {
        unreachable!()
    }

    async fn devices_of_app(&self, _: &AppId, _: u8, _: Option<DeviceId>, _: usize) -> Result<Vec<Device>> {
        unreachable!()
    }

    async fn devices_of_user(&self, _: &AppId, _: &UserId, _: usize) -> Result<Vec<DeviceId>> {
        unreachable!()
    }
}

impl Messages for World {
    async fn accept(&self, message: Message) -> Result<Accepted> {
        self.call(|state, _| match state.messages.get(&message.id) {
            Some(stored) => Accepted::Existing(Box::new(stored.clone())),
            None => {
                state.messages.insert(message.id, message);
                Accepted::New
            }
        })
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

    async fn complete(&self, id: MessageId) -> Result<()> {
        self.call(|state, _| {
            if let Some(message) = state.messages.get_mut(&id).filter(|message| message.stage == Stage::Released) {
                message.stage = Stage::Completed;
            }
        })
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
