//! A small world in memory that can fail at any port call, before or after the call took effect.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

use homing_contract::queue::{DispatchInput, decode_dispatch_input};
use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{
    App, AppId, AudienceId, BatchId, BusEvent, ChangeRefused, Channel, Claimed, Counter, Delivery, Device, DeviceId,
    DeviceProfile, DueTick, EventSettings, FeedEntry, FeedJob, FeedOffset, Lane, LaneChange, Member, MemberKey,
    MemberKind, Message, MessageChange, MessageId, Millis, Platform, Preferences, Receipt, Shard, ShardId, Stage,
    Tally, UnixMillis, UploadedAudience, UpstreamRoute, UserId,
};
use homing_ports::{
    Accepted, Apps, Audiences, Clock, Created, DeadLetter, Devices, Error, Events, Fault, Feeds, Ledger, Messages,
    Outgoing, QueueName, Queues, ReceiptHandle, Received, Replaced, Result, Timers,
};

/// Where an injected failure strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

pub(super) struct State {
    pub(super) now: UnixMillis,
    pub(super) lists: HashMap<AudienceId, (UploadedAudience, BTreeMap<MemberKey, Member>)>,
    pub(super) ticks: Vec<DueTick>,
    /// When dispatch may see what it was sent.
    pub(super) dispatched: Vec<(UnixMillis, Shard)>,
    /// Devices that the index of users lists for every user.
    pub(super) stale_index: Vec<DeviceId>,
    /// What reading many rows at once still shows.
    pub(super) stale_rows: HashMap<DeviceId, Device>,
    /// How often the directory was asked for devices by their ids.
    pub(super) lookups: usize,
    /// How often it was asked for a page of all devices.
    pub(super) listings: usize,
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
    /// The last entry of the app's feed.
    pub(super) feed_head: FeedOffset,
    pub(super) feed_jobs: Vec<FeedJob>,
    pub(super) calls: usize,
    pub(super) fail_at: Option<(usize, When)>,
    /// Cancels the message before this call, if it still may be.
    pub(super) cancel_at: Option<usize>,
    /// Gives the message another time before this call.
    pub(super) postpone_at: Option<usize>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: NOW,
            lists: HashMap::new(),
            ticks: Vec::new(),
            dispatched: Vec::new(),
            stale_index: Vec::new(),
            stale_rows: HashMap::new(),
            lookups: 0,
            listings: 0,
            messages: HashMap::new(),
            shards: BTreeMap::new(),
            devices: BTreeMap::new(),
            queues: HashMap::new(),
            counted: HashSet::new(),
            tally: Tally::default(),
            asks: false,
            tally_reads: 0,
            events: Vec::new(),
            feed_head: 41,
            feed_jobs: Vec::new(),
            calls: 0,
            fail_at: None,
            cancel_at: None,
            postpone_at: None,
        }
    }
}

#[derive(Default)]
pub(super) struct World(pub(super) Mutex<State>);

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

impl World {
    fn call<T>(&self, does: impl FnOnce(&mut State) -> T) -> Result<T> {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        let at = state.calls;
        if state.cancel_at == Some(at) {
            for message in state.messages.values_mut() {
                message.apply(MessageChange::Cancel).unwrap();
            }
        }
        if state.postpone_at == Some(at) {
            let later = state.now.plus(3_600_000);
            state.messages.values_mut().for_each(|message| message.release_at = Some(later));
        }
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

/// A device that pages reach: its lane has been theirs for long.
pub(crate) fn device(app: &AppId, n: u32, user: Option<&UserId>, created_at: UnixMillis) -> Device {
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
        lanes: vec![LaneChange { at: UnixMillis(0), to: Lane::Pages }],
        user_since: None,
        preferences: Preferences::default(),
        seen_at: UnixMillis(0),
    }
}

impl Clock for World {
    fn now(&self) -> UnixMillis {
        self.with(|state| state.now)
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
            alerts: homing_domain::AlertSettings::default(),
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

    async fn begin_release(
        &self,
        id: MessageId,
        now: UnixMillis,
        feed_head: Option<FeedOffset>,
    ) -> Result<Option<Message>> {
        self.call(|state| {
            let message = state.messages.get_mut(&id)?;
            message.begin_release(now, feed_head);
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

    async fn shards(&self, message: MessageId, after: Option<ShardId>, limit: usize) -> Result<Vec<Shard>> {
        self.call(|state| {
            let wanted = |shard: &&Shard| shard.message == message && after.is_none_or(|after| shard.id > after);
            state.shards.values().filter(wanted).take(limit).cloned().collect()
        })
    }
}

impl Devices for World {
    async fn create_device(&self, _: Device) -> Result<Created> {
        unreachable!()
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.call(|state| state.devices.get(id).cloned())
    }

    async fn devices(&self, ids: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        assert!(!ids.is_empty() && ids.len() <= SHARD_MAX_DEVICES);
        self.call(|state| {
            state.lookups += 1;
            let row = |id: &DeviceId| state.stale_rows.get(id).or_else(|| state.devices.get(id)).cloned();
            ids.iter().map(row).collect()
        })
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
            state.listings += 1;
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
            let bound = state.devices.values().filter(wanted).map(|device| device.id);
            state.stale_index.iter().copied().chain(bound).take(limit).collect()
        })
    }
}

impl Feeds for World {
    async fn feed_head(&self, app: &AppId) -> Result<FeedOffset> {
        assert_eq!(app.as_str(), "demo");
        self.call(|state| state.feed_head)
    }

    async fn put_feed_entry(&self, _: &AppId, _: FeedOffset, _: FeedEntry) -> Result<Created> {
        unreachable!()
    }

    async fn feed_entries(&self, _: &AppId, _: FeedOffset, _: usize) -> Result<Vec<(FeedOffset, FeedEntry)>> {
        unreachable!()
    }

    async fn trim_feed(&self, _: &AppId, _: FeedOffset) -> Result<()> {
        unreachable!()
    }
}

impl Queues for World {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        self.call(|state| {
            for item in &items {
                match decode_dispatch_input(&item.body) {
                    Ok(DispatchInput::Shard(shard)) => state.dispatched.push((state.now.plus(item.delay), shard)),
                    Ok(DispatchInput::Feed(job)) => state.feed_jobs.push(job),
                    _ => {}
                }
            }
            state.queues.entry(queue).or_default().extend(items);
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

impl Ledger for World {
    async fn version_label(
        &self,
        _: &AppId,
        version: homing_domain::VersionLabel,
    ) -> Result<homing_domain::VersionLabel> {
        Ok(version)
    }

    async fn record(&self, _: BatchId, _: Vec<Receipt>, _: homing_domain::Snapshots) -> Result<Vec<Delivery>> {
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

    async fn claim_delivery(&self, _: MessageId, _: DeviceId, _: Channel, _: UnixMillis) -> Result<Claimed> {
        unreachable!()
    }

    async fn release_claim(&self, _: MessageId, _: DeviceId) -> Result<()> {
        unreachable!()
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

impl Timers for World {
    async fn set_timer(&self, tick: DueTick) -> Result<()> {
        self.call(|state| state.ticks.push(tick))
    }
}

impl Audiences for World {
    async fn create_audience(&self, _: UploadedAudience) -> Result<Created> {
        unreachable!()
    }

    async fn audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        self.call(|state| state.lists.get(&id).map(|(list, _)| list.clone()))
    }

    async fn audiences_of_app(&self, _: &AppId, _: Option<AudienceId>, _: usize) -> Result<Vec<UploadedAudience>> {
        unreachable!()
    }

    async fn add_members(&self, _: AudienceId, _: Vec<Member>) -> Result<()> {
        unreachable!()
    }

    async fn finish_audience(&self, _: AudienceId) -> Result<Option<UploadedAudience>> {
        unreachable!()
    }

    async fn members(
        &self,
        id: AudienceId,
        segment: u8,
        after: Option<MemberKey>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        self.call(|state| {
            let Some((_, members)) = state.lists.get(&id) else { return Vec::new() };
            let wanted =
                |member: &&Member| member.key.segment() == segment && after.is_none_or(|after| member.key > after);
            members.values().filter(wanted).take(limit).cloned().collect()
        })
    }

    async fn are_members(&self, id: AudienceId, keys: Vec<MemberKey>) -> Result<Vec<bool>> {
        assert!(keys.len() <= SHARD_MAX_DEVICES);
        self.call(|state| keys.iter().map(|key| state.lists[&id].1.contains_key(key)).collect())
    }

    async fn delete_audience(&self, _: AudienceId) -> Result<()> {
        unreachable!()
    }
}

/// A finished list.
pub(super) fn list(
    id: AudienceId,
    app: &AppId,
    members: Vec<Member>,
) -> (UploadedAudience, BTreeMap<MemberKey, Member>) {
    let kind = if members.iter().any(|member| member.user.is_some()) { MemberKind::Users } else { MemberKind::Devices };
    let (name, created_at, expires_at) = (None, NOW, NOW.plus(1));
    let members: BTreeMap<_, _> = members.into_iter().map(|member| (member.key, member)).collect();
    let count = Some(members.len() as u64);
    (UploadedAudience { id, app: app.clone(), name, kind, created_at, expires_at, members: count }, members)
}
