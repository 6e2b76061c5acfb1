//! Message rows, their indexes, and the pages of their audiences.

use homing_domain::limits::FANOUT_SEGMENTS;
use homing_domain::{
    AppId, ChangeRefused, FeedOffset, Message, MessageChange, MessageId, Shard, ShardId, Stage, UnixMillis,
};
use homing_ports::{Accepted, Messages, Result};

use crate::EmbeddedStore;
use crate::committer::View;
use crate::error::{StoreError, StoreResult};
use crate::table::{Key, Table};

pub(crate) fn key(id: &MessageId) -> Key {
    Key::of(Table::Messages).message(id)
}

/// The prefix of all apps' indexes by time.
pub(crate) fn of_all_apps() -> Key {
    Key::of(Table::MessagesByApp)
}

fn by_app(app: &AppId, accepted_at: UnixMillis, id: &MessageId) -> Key {
    of_all_apps().app(app).time_descending(accepted_at).message_descending(id)
}

/// The prefix of the index that a key of it belongs to.
pub(crate) fn app_of(index_key: &[u8]) -> StoreResult<Key> {
    const TIME_AND_ID_BYTES: usize = 8 + 16;
    let at = index_key.len().checked_sub(TIME_AND_ID_BYTES);
    let prefix = at.and_then(|at| index_key.get(..at)).ok_or(NO_MESSAGE)?;
    Ok(Key { table: Table::MessagesByApp, bytes: prefix.to_vec() })
}

/// The message that a key of an app's index names.
pub(crate) fn id_in(index_key: &[u8]) -> StoreResult<MessageId> {
    message_at_end(index_key, true).ok_or(NO_MESSAGE)
}

const NO_MESSAGE: StoreError = StoreError::Damaged { table: Table::MessagesByApp, what: "a key without a message" };

/// Where it stands when somebody must look at the message again, if ever.
pub(crate) fn due(message: &Message) -> Option<Key> {
    message.due_at().map(|at| Key::of(Table::MessagesDue).time(at).message(&message.id))
}

pub(crate) fn shards_of(message: &MessageId) -> Key {
    Key::of(Table::Shards).message(message)
}

/// The message at the end of an index key whose ids sort downwards.
fn message_at_end(key: &[u8], descending: bool) -> Option<MessageId> {
    let mut id: [u8; 16] = key.get(key.len().checked_sub(16)?..)?.try_into().ok()?;
    if descending {
        id = id.map(|byte| !byte);
    }
    Some(MessageId::from_bytes(id))
}

fn change(view: &mut View<'_>, id: MessageId, operation: impl FnOnce(&mut Message)) -> StoreResult<Option<Message>> {
    let key = key(&id);
    let Some(before) = view.noun::<Message>(&key)? else {
        return Ok(None);
    };
    let mut message = before.clone();
    operation(&mut message);
    if message != before {
        view.put_noun(key, &message);
    }
    if message.due_at() != before.due_at() {
        due(&before).into_iter().for_each(|key| view.delete(key));
        due(&message).into_iter().for_each(|key| view.put_mark(key));
    }
    Ok(Some(message))
}

impl Messages for EmbeddedStore {
    async fn accept(&self, message: Message) -> Result<Accepted> {
        self.commit("accept the message", move |view| {
            let key = key(&message.id);
            if let Some(existing) = view.noun(&key)? {
                return Ok(Accepted::Existing(Box::new(existing)));
            }
            view.put_noun(key, &message);
            view.put_mark(by_app(&message.app, message.accepted_at, &message.id));
            due(&message).into_iter().for_each(|key| view.put_mark(key));
            Ok(Accepted::New)
        })
        .await
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>> {
        self.engine().noun(&key(&id)).map_err(|error| error.in_port("read the message"))
    }

    async fn messages_of_app(
        &self,
        app: &AppId,
        before: Option<(UnixMillis, MessageId)>,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let prefix = Key::of(Table::MessagesByApp).app(app);
        let start = before.map(|(at, id)| by_app(app, at, &id).next());
        self.read_pages("list the messages of the app", move |engine| {
            let mut messages = Vec::new();
            for (index_key, _) in engine.page(&prefix, start, limit)? {
                messages.extend(engine.noun::<Message>(&key(&id_in(&index_key)?))?);
            }
            Ok(messages)
        })
        .await
    }

    async fn overdue(&self, now: UnixMillis, limit: usize) -> Result<Vec<MessageId>> {
        self.read_pages("list overdue messages", move |engine| {
            let end = Key::of(Table::MessagesDue).time(now).bytes;
            let mut ids = Vec::new();
            for row in engine.scan(&Key::of(Table::MessagesDue), None).take(limit) {
                let (index_key, _) = row?;
                if index_key[..] >= end[..] {
                    break;
                }
                ids.extend(message_at_end(&index_key, false));
            }
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
        self.commit("begin the release of the message", move |view| {
            change(view, id, |message| {
                message.begin_release(now, feed_head);
            })
        })
        .await
    }

    async fn finish_segment(&self, id: MessageId, segment: u8, now: UnixMillis) -> Result<Option<Message>> {
        self.commit("finish a segment of the message", move |view| {
            if segment >= FANOUT_SEGMENTS {
                return Err(StoreError::TooLarge { what: "a segment", limit: usize::from(FANOUT_SEGMENTS) - 1 });
            }
            change(view, id, |message| {
                message.segments_done |= 1 << segment;
                if message.is_enumerated() && message.stage.may_become(Stage::Released) {
                    message.stage = Stage::Released;
                    message.released_at = Some(now);
                }
            })
        })
        .await
    }

    async fn complete(&self, id: MessageId) -> Result<()> {
        self.commit("complete the message", move |view| {
            let completed = change(view, id, |message| {
                if message.stage == Stage::Released {
                    message.stage = Stage::Completed;
                }
            });
            completed.map(|_| ())
        })
        .await
    }

    async fn change(
        &self,
        id: MessageId,
        asked: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        self.commit("change the message", move |view| {
            let mut refused = None;
            let changed = change(view, id, |message| refused = message.apply(asked).err())?;
            Ok(changed.map(|message| refused.map_or(Ok(message), Err)))
        })
        .await
    }

    async fn put_shard(&self, shard: Shard) -> Result<Shard> {
        self.commit("put the shard", move |view| {
            let key = shards_of(&shard.message).shard(&shard.id);
            if let Some(stored) = view.noun(&key)? {
                return Ok(stored);
            }
            view.put_noun(key, &shard);
            Ok(shard)
        })
        .await
    }

    async fn shards(&self, message: MessageId, after: Option<ShardId>, limit: usize) -> Result<Vec<Shard>> {
        let prefix = shards_of(&message);
        let start = after.map(|after| prefix.clone().shard(&after).next());
        self.read_pages("list the shards of the message", move |engine| engine.nouns(&prefix, start, limit)).await
    }
}
