//! A world in memory with one app. Any call can fail, before or after it took effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::queue::decode;
use homing_credentials::{ApiKey, DeviceKeys};
use homing_domain::{
    AlertSettings, App, AppId, AudienceId, ChangeRefused, DueTick, EventSettings, FeedJob, FeedOffset, Member,
    MemberKey, Message, MessageChange, MessageId, Millis, ServerKey, Shard, ShardId, UnixMillis, UploadedAudience,
    UpstreamRoute,
};
use homing_endpoint::{Edge, EdgeLimits, EdgeParts};
use homing_ports::{
    Accepted, Apps, Audiences, Clock, Created, DeadLetter, Entropy, Error, Fault, Messages, Outgoing, QueueName,
    Queues, ReceiptHandle, Received, Replaced, Result, StageError, Timers,
};

use crate::queue::{self, attribute};

pub(super) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// Where an injected failure strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) now: UnixMillis,
    pub(super) messages: BTreeMap<MessageId, Message>,
    pub(super) lists: BTreeMap<AudienceId, UploadedAudience>,
    pub(super) members: BTreeSet<(AudienceId, MemberKey)>,
    /// Members of the largest call.
    pub(super) largest_chunk: usize,
    pub(super) jobs: Vec<Outgoing>,
    /// What dispatch is sent.
    pub(super) feed_jobs: Vec<FeedJob>,
    pub(super) timers: Vec<DueTick>,
    pub(super) calls: usize,
    pub(super) fail_at: Option<(usize, When)>,
}

pub(crate) struct World(Mutex<State>);

impl World {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { now: NOW, ..State::default() })))
    }

    pub(super) fn edge(self: &Arc<Self>) -> Edge<Self> {
        Edge::new(EdgeParts {
            ports: Arc::clone(self),
            clock: Arc::clone(self) as _,
            entropy: Arc::clone(self) as _,
            keys: Arc::new(DeviceKeys::new(1, [(1, [1; 32])]).unwrap()),
            fleet_secret: homing_credentials::FleetSecret::new([7; 32]),
            public_url: None,
            limits: EdgeLimits { business_per_second: 3, ..EdgeLimits::default() },
        })
    }

    pub(super) fn with<T>(&self, does: impl FnOnce(&mut State) -> T) -> T {
        does(&mut self.0.lock().unwrap())
    }

    fn call<T>(&self, does: impl FnOnce(&mut State) -> T) -> Result<T> {
        self.with(|state| {
            state.calls += 1;
            let at = state.calls;
            let failure = || Err(Error::new(Fault::Retry, "call the world"));
            if state.fail_at == Some((at, When::Before)) {
                return failure();
            }
            let answer = does(state);
            if state.fail_at == Some((at, When::After)) { failure() } else { Ok(answer) }
        })
    }
}

pub(super) fn app() -> AppId {
    "demo".parse().unwrap()
}

pub(super) fn key() -> ApiKey {
    ApiKey::server(&app(), [7; 32])
}

/// An item as a business system writes it, received once.
pub(super) fn item(body: &str) -> Received {
    let key = key();
    let attributes = [(attribute::APP, "demo"), (attribute::KEY, key.expose()), (attribute::MESSAGE_ID, "item-1")];
    Received {
        handle: ReceiptHandle(Bytes::new()),
        body: Bytes::copy_from_slice(body.as_bytes()),
        receives: 1,
        sent_at: NOW,
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

/// The same with another value of an attribute, or without it.
pub(super) fn with(item: &Received, name: &str, value: Option<&str>) -> Received {
    let mut item = item.clone();
    item.attributes.retain(|(key, _)| key != name);
    item.attributes.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    item
}

/// The fakes never wait.
pub(super) fn consume(edge: &Edge<World>, item: &Received) -> std::result::Result<(), StageError> {
    queue::consume(edge, item).now_or_never().expect("it waits for its ports only")
}

impl Clock for World {
    fn now(&self) -> UnixMillis {
        self.with(|state| state.now)
    }
}

impl Entropy for World {
    fn random_16(&self) -> [u8; 16] {
        [0x5a; 16]
    }
}

impl Apps for World {
    async fn create_app(&self, _: App) -> Result<Created> {
        unreachable!()
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        let server_key =
            ServerKey { digest: key().digest(), hint: key().hint(), created_at: UnixMillis(0), expires_at: None };
        let found = App {
            id: app(),
            name: "Demo".into(),
            server_keys: vec![server_key],
            client_key: [0; 32],
            quota_per_second: None,
            heartbeat: None,
            events: EventSettings::default(),
            upstream: UpstreamRoute::default(),
            alerts: AlertSettings::default(),
            created_at: UnixMillis(0),
            revision: 1,
        };
        self.call(|_| Some(found).filter(|found| found.id == *id))
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

impl Messages for World {
    async fn accept(&self, message: Message) -> Result<Accepted> {
        self.call(|state| match state.messages.get(&message.id) {
            Some(stored) => Accepted::Existing(Box::new(stored.clone())),
            None => {
                state.messages.insert(message.id, message);
                Accepted::New
            }
        })
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
        id: MessageId,
        change: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        self.call(|state| {
            let stored = state.messages.get_mut(&id)?;
            let mut changed = stored.clone();
            Some(changed.apply(change).map(|()| {
                stored.clone_from(&changed);
                changed
            }))
        })
    }

    async fn put_shard(&self, _: Shard) -> Result<Shard> {
        unreachable!()
    }

    async fn shards(&self, _: MessageId, _: Option<ShardId>, _: usize) -> Result<Vec<Shard>> {
        unreachable!()
    }
}

impl Queues for World {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        self.call(|state| match queue {
            QueueName::Audience => state.jobs.extend(items),
            QueueName::Dispatch => {
                state.feed_jobs.extend(items.iter().map(|item| decode::<FeedJob>(&item.body).unwrap()));
            }
            other => panic!("nothing is sent to {other:?} here"),
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

    async fn redrive(&self, _: QueueName, _: Bytes) -> Result<()> {
        unreachable!()
    }

    async fn depth(&self, _: QueueName) -> Result<u64> {
        unreachable!()
    }
}

impl Audiences for World {
    async fn create_audience(&self, audience: UploadedAudience) -> Result<Created> {
        self.call(|state| match state.lists.insert(audience.id, audience.clone()) {
            Some(stored) => {
                state.lists.insert(stored.id, stored);
                Created::Exists
            }
            None => Created::New,
        })
    }

    async fn audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        self.call(|state| state.lists.get(&id).cloned())
    }

    async fn audiences_of_app(&self, _: &AppId, _: Option<AudienceId>, _: usize) -> Result<Vec<UploadedAudience>> {
        unreachable!()
    }

    async fn add_members(&self, id: AudienceId, members: Vec<Member>) -> Result<()> {
        self.call(|state| {
            state.largest_chunk = state.largest_chunk.max(members.len());
            state.members.extend(members.into_iter().map(|member| (id, member.key)));
        })
    }

    async fn finish_audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        self.call(|state| {
            let count = state.members.iter().filter(|(list, _)| *list == id).count() as u64;
            let list = state.lists.get_mut(&id)?;
            list.members.get_or_insert(count);
            Some(list.clone())
        })
    }

    async fn members(&self, _: AudienceId, _: u8, _: Option<MemberKey>, _: usize) -> Result<Vec<Member>> {
        unreachable!()
    }

    async fn are_members(&self, _: AudienceId, _: Vec<MemberKey>) -> Result<Vec<bool>> {
        unreachable!()
    }

    async fn delete_audience(&self, id: AudienceId) -> Result<()> {
        self.call(|state| {
            state.lists.remove(&id);
        })
    }
}

impl Timers for World {
    async fn set_timer(&self, tick: DueTick) -> Result<()> {
        self.call(|state| state.timers.push(tick))
    }
}
