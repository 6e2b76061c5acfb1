//! A small world in memory whose calls can fail before or after they take effect, and whose list of overdue messages may be
//! stale.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use homing_domain::{
    AppId, Audience, ChangeRefused, Control, DueTick, Exclusion, FeedOffset, Message, MessageChange, MessageId, Millis,
    Options, Priority, Schedule, Shard, ShardId, Stage, UnixMillis,
};
use homing_ports::{
    Accepted, Clock, DeadLetter, Error, Fault, Messages, Outgoing, QueueName, Queues, ReceiptHandle, Received, Result,
    Timers,
};

/// When scheduled messages are to be released; an hour before, all were accepted.
pub(super) const AT: UnixMillis = UnixMillis(1_700_000_000_000);
/// When all of them expire.
pub(super) const EXPIRES: UnixMillis = AT.plus(3_600_000);

/// Where an injected failure strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

#[derive(Default)]
struct State {
    now: UnixMillis,
    messages: BTreeMap<MessageId, Message>,
    always_listed: Vec<MessageId>,
    queues: BTreeMap<QueueName, Vec<Outgoing>>,
    timers: Vec<DueTick>,
    calls: usize,
    fail_at: Option<(usize, When)>,
}

pub(super) struct World(Mutex<State>);

impl World {
    pub(super) fn at(now: UnixMillis) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { now, ..State::default() })))
    }

    pub(super) fn set_now(&self, now: UnixMillis) {
        self.with(|state| state.now = now);
    }

    pub(super) fn put(&self, message: Message) {
        self.with(|state| state.messages.insert(message.id, message));
    }

    /// Beyond the 256 that [`id`] has names for.
    pub(super) fn put_numbered(&self, n: u16, stage: Stage) {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        self.put(Message { id: MessageId::from_bytes(bytes), ..message(0, stage) });
    }

    /// Names a message as overdue whatever its row says.
    pub(super) fn list_always(&self, id: MessageId) {
        self.with(|state| state.always_listed.push(id));
    }

    pub(super) fn take(&self, queue: QueueName) -> Vec<Outgoing> {
        self.with(|state| state.queues.remove(&queue).unwrap_or_default())
    }

    pub(super) fn stored(&self, id: MessageId) -> Message {
        self.with(|state| state.messages[&id].clone())
    }

    /// The occurrences that a series has so far, by their times.
    pub(super) fn occurrences(&self, series: MessageId) -> Vec<Message> {
        let of_series = |message: &&Message| message.series == Some(series);
        let mut found: Vec<_> = self.with(|state| state.messages.values().filter(of_series).cloned().collect());
        found.sort_by_key(|message| message.release_at);
        found
    }

    pub(super) fn take_timers(&self) -> Vec<DueTick> {
        self.with(|state| std::mem::take(&mut state.timers))
    }

    /// The `call`th call from now, counted from 1, fails; those after it do not.
    pub(super) fn fail_at(&self, call: usize) {
        self.cut(call, When::Before);
    }

    /// The same, after it took effect perhaps.
    pub(super) fn cut(&self, call: usize, when: When) {
        self.with(|state| state.fail_at = Some((state.calls + call, when)));
    }

    fn with<T>(&self, does: impl FnOnce(&mut State) -> T) -> T {
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

pub(super) fn id(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

pub(super) fn message(n: u8, stage: Stage) -> Message {
    Message {
        id: id(n),
        app: "demo".parse().unwrap(),
        audience: Audience::All,
        payload: Bytes::from_static(b"{}"),
        options: Options { ttl_seconds: 3_600, priority: Priority::Normal, collapse_key: None, ..Options::default() },
        body_sha256: [0; 32],
        accepted_at: AT.minus(3_600_000),
        release_at: (stage != Stage::Accepted).then_some(AT),
        expires_at: EXPIRES,
        stage,
        releasing_at: None,
        released_at: None,
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        schedule: Schedule::Now,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 0,
    }
}

impl Clock for World {
    fn now(&self) -> UnixMillis {
        self.with(|state| state.now)
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

    async fn overdue(&self, now: UnixMillis, limit: usize) -> Result<Vec<MessageId>> {
        self.call(|state| {
            let is_due = |message: &&Message| message.due_at().is_some_and(|at| at <= now);
            let due = state.messages.values().filter(is_due).map(|message| message.id);
            due.chain(state.always_listed.iter().copied()).take(limit).collect()
        })
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
            let message = state.messages.get_mut(&id)?;
            let applied = message.apply(change);
            Some(applied.map(|()| message.clone()))
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

    async fn redrive(&self, _: QueueName, _: Bytes) -> Result<()> {
        unreachable!()
    }

    async fn depth(&self, _: QueueName) -> Result<u64> {
        unreachable!()
    }
}

impl Timers for World {
    async fn set_timer(&self, tick: DueTick) -> Result<()> {
        self.call(|state| state.timers.push(tick))
    }
}
