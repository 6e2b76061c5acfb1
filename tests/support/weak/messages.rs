//! Message rows and shards.

use std::collections::BTreeMap;

use homing_domain::{
    AppId, ChangeRefused, DeviceId, Exclusion, FeedOffset, Flow, Message, MessageChange, MessageId, Shard, ShardId,
    Stage, UnixMillis,
};
use homing_ports::{Accepted, Messages, Result};

use super::{Faults, State, Weak, Weakness};

/// Message rows and shards.
#[derive(Debug, Default)]
pub struct MessageState {
    /// Message rows.
    pub rows: BTreeMap<MessageId, Message>,
    /// Shards by message.
    pub shards: BTreeMap<(MessageId, ShardId), Shard>,
}

impl State {
    fn move_message(&mut self, id: MessageId, to: Stage) {
        let Some(message) = self.messages.rows.get_mut(&id) else { return };
        match message.stage.become_stage(to) {
            Ok(to) => message.stage = to,
            Err(illegal) => self.check.violated(format!("{id}: {illegal}")),
        }
        self.coverage.hit("message", to.name());
        self.trace(|| format!("  message {id} is {to}"));
    }

    fn begin(&mut self, id: MessageId, now: UnixMillis, feed_head: Option<FeedOffset>) {
        if let Some(message) = self.messages.rows.get_mut(&id) {
            if self.weakness == Weakness::TimeHidden {
                message.release_at = None;
                message.stage = Stage::Accepted;
            }
            message.begin_release(now, feed_head);
            let way = if message.feed_after.is_some() { "goes by the feed" } else { "goes by pages" };
            self.coverage.hit("release", way);
            self.coverage.hit("message", "releasing");
            self.trace(|| format!("  message {id} is releasing, {way}"));
        }
    }

    fn check_release(&mut self, id: MessageId) {
        if let Some(message) = self.messages.rows.get(&id) {
            self.check.release_begins(message, self.now);
        }
    }

    /// Who completes a message knows that nobody of it is pending.
    fn check_complete(&mut self, id: MessageId) {
        let is_pending = |device: &DeviceId| {
            let row = self.ledger.rows.get(&(id, *device));
            row.is_none_or(|row| !row.stage.is_terminal())
        };
        let shards = self.messages.shards.iter().filter(|((of, _), _)| *of == id);
        let mut targets = shards.flat_map(|(_, shard)| shard.targets.iter().map(|target| target.device));
        if let Some(device) = targets.find(is_pending) {
            self.check.violated(format!("{id} is completed, and {device} is pending"));
        }
    }
}

/// A message as the weakness of the run lets it be read.
fn as_read(weakness: Weakness, mut message: Message) -> Message {
    match weakness {
        Weakness::FlowHidden => message.control.flow = Flow::Running,
        Weakness::TimeHidden => message.release_at = None,
        Weakness::ExclusionHidden => message.exclude = Exclusion::default(),
        _ => {}
    }
    message
}

/// A page as the weakness of the run lets it be read.
fn page_as_read(weakness: Weakness, mut shard: Shard) -> Shard {
    for target in &mut shard.targets {
        match weakness {
            Weakness::RefusalHidden => target.refusal = None,
            Weakness::HoldHidden => target.hold = None,
            _ => {}
        }
    }
    shard
}

fn is_forgotten(weakness: Weakness, stage: Stage) -> bool {
    match weakness {
        Weakness::OverdueWithoutScheduled => stage == Stage::Scheduled,
        Weakness::OverdueWithoutReleased => stage == Stage::Released,
        _ => false,
    }
}

impl Messages for Weak {
    async fn accept(&self, message: Message) -> Result<Accepted> {
        self.call("accept", move |state| {
            if let Some(existing) = state.messages.rows.get(&message.id).cloned() {
                state.coverage.hit("accept", "existing");
                return Ok(Accepted::Existing(Box::new(existing)));
            }
            state.coverage.hit("accept", if message.stage == Stage::Scheduled { "scheduled" } else { "new" });
            state.messages.rows.insert(message.id, message);
            Ok(Accepted::New)
        })
        .await
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>> {
        self.call("read a message", move |state| {
            let row = state.messages.rows.get(&id).cloned();
            Ok(row.map(|message| as_read(state.weakness, message)))
        })
        .await
    }

    async fn messages_of_app(
        &self,
        app: &AppId,
        before: Option<(UnixMillis, MessageId)>,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let app = app.clone();
        self.call("list messages", move |state| {
            let rows = state.messages.rows.values().filter(|message| message.app == app);
            let mut rows: Vec<_> =
                rows.filter(|message| before.is_none_or(|before| (message.accepted_at, message.id) < before)).collect();
            rows.sort_by_key(|message| std::cmp::Reverse((message.accepted_at, message.id)));
            Ok(rows.into_iter().take(limit).cloned().collect())
        })
        .await
    }

    async fn overdue(&self, now: UnixMillis, limit: usize) -> Result<Vec<MessageId>> {
        self.call("list overdue messages", move |state| {
            let weakness = state.weakness;
            let rows = state.messages.rows.values().filter(|message| !is_forgotten(weakness, message.stage));
            let due_at = |message: &Message| match weakness {
                Weakness::OverdueWithoutHolds => Message { holds: Vec::new(), ..message.clone() }.due_at(),
                _ => message.due_at(),
            };
            let mut due: Vec<_> = rows.filter_map(|message| Some((due_at(message)?, message.id))).collect();
            due.retain(|(at, _)| *at < now);
            due.sort_unstable();
            let mut ids: Vec<_> = due.into_iter().map(|(_, id)| id).collect();
            let stale = state.faults.stale;
            if !ids.is_empty() && state.strikes(stale, "listing is stale") {
                ids.remove(state.random.index(ids.len()));
            }
            ids.truncate(limit);
            Ok(ids)
        })
        .await
    }

    async fn begin_release(
        &self,
        id: MessageId,
        now: UnixMillis,
        feed_head: Option<FeedOffset>,
    ) -> Result<Option<Message>> {
        self.call("begin a release", move |state| {
            let is_blind = state.weakness == Weakness::TimeHidden;
            let may = |message: &Message| {
                message.may_be_released(now) || is_blind && message.stage.may_become(Stage::Releasing)
            };
            if state.messages.rows.get(&id).is_some_and(may) {
                state.check_release(id);
                state.begin(id, now, feed_head);
            }
            let row = state.messages.rows.get(&id).cloned();
            Ok(row.map(|message| as_read(state.weakness, message)))
        })
        .await
    }

    async fn finish_segment(&self, id: MessageId, segment: u8, now: UnixMillis) -> Result<Option<Message>> {
        self.call("finish a segment", move |state| {
            let Some(message) = state.messages.rows.get_mut(&id) else { return Ok(None) };
            message.segments_done |= 1 << segment;
            if message.stage == Stage::Releasing && message.is_enumerated() {
                message.released_at = Some(now);
                state.move_message(id, Stage::Released);
            }
            Ok(state.messages.rows.get(&id).cloned())
        })
        .await
    }

    async fn complete(&self, id: MessageId) -> Result<()> {
        self.call("complete a message", move |state| {
            if state.messages.rows.get(&id).is_some_and(|message| message.stage == Stage::Released) {
                state.check_complete(id);
                state.move_message(id, Stage::Completed);
            }
            Ok(())
        })
        .await
    }

    async fn change(
        &self,
        id: MessageId,
        change: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        self.call("change a message", move |state| {
            let Some(message) = state.messages.rows.get_mut(&id) else { return Ok(None) };
            let name = change.name();
            if state.weakness == Weakness::HoldForgets && name == "hold" {
                return Ok(Some(Ok(message.clone())));
            }
            let applied = message.apply(change).map(|()| message.clone());
            let now = state.now;
            if let Ok(message) = &applied {
                state.check.flow_changed(message, now);
            }
            state.coverage.hit(if applied.is_ok() { "change" } else { "change refused" }, name);
            state.trace(|| format!("  message {id}: {name}: {:?}", applied.as_ref().err()));
            Ok(Some(applied))
        })
        .await
    }

    async fn put_shard(&self, shard: Shard) -> Result<Shard> {
        self.call("put a shard", move |state| {
            let key = (shard.message, shard.id);
            if let Some(stored) = state.messages.shards.get(&key).cloned() {
                state.coverage.hit("shard", "existing");
                return Ok(page_as_read(state.weakness, stored));
            }
            state.coverage.hit("shard", "new");
            let (now, has_faults) = (state.now, state.faults != Faults::NONE);
            let is_over = state.messages.rows.get(&shard.message).is_some_and(|message| message.expires_at <= now);
            state.check.page_stored(&shard, now, has_faults, is_over);
            state.messages.shards.insert(key, shard.clone());
            Ok(page_as_read(state.weakness, shard))
        })
        .await
    }

    async fn shards(&self, message: MessageId, after: Option<ShardId>, limit: usize) -> Result<Vec<Shard>> {
        self.call("list shards", move |state| {
            let of_message = state.messages.shards.iter().filter(|((of, _), _)| *of == message);
            let rest = of_message.filter(|((_, id), _)| after.is_none_or(|after| *id > after));
            let weakness = state.weakness;
            Ok(rest.map(|(_, shard)| page_as_read(weakness, shard.clone())).take(limit).collect())
        })
        .await
    }
}
