//! Message rows and the pages of their audiences.

use std::future::Future;

use homing_domain::{AppId, ChangeRefused, FeedOffset, Message, MessageChange, MessageId, Shard, ShardId, UnixMillis};

use crate::Result;

/// Whether the message is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable now.
    New,
    /// A message with this id was there (a replayed Idempotency-Key); nothing changed.
    Existing(Box<Message>),
}

/// Message rows.
pub trait Messages: Send + Sync {
    /// Puts a message unless its id is taken.
    fn accept(&self, message: Message) -> impl Future<Output = Result<Accepted>> + Send;

    /// One message.
    fn message(&self, id: MessageId) -> impl Future<Output = Result<Option<Message>>> + Send;

    /// Messages of an app, newest first, older than `before`, at most `limit`.
    fn messages_of_app(
        &self,
        app: &AppId,
        before: Option<(UnixMillis, MessageId)>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Message>>> + Send;

    /// Messages whose [`Message::due_at`] is past at `now`, in about the order of that time, at most `limit`. May be stale: a
    /// message may have moved on, and the newest may be missing.
    fn overdue(&self, now: UnixMillis, limit: usize) -> impl Future<Output = Result<Vec<MessageId>>> + Send;

    /// `accepted`, or `scheduled` with its time come ([`Message::may_be_released`]) → `releasing`:
    /// [`Message::begin_release`], atomically. A message that is further already, or that was given another time, is answered as
    /// it stands. `None` = no such message.
    fn begin_release(
        &self,
        id: MessageId,
        now: UnixMillis,
        feed_head: Option<FeedOffset>,
    ) -> impl Future<Output = Result<Option<Message>>> + Send;

    /// Notes that a segment is enumerated; the last one moves `releasing` → `released`. May be repeated.
    fn finish_segment(
        &self,
        id: MessageId,
        segment: u8,
        now: UnixMillis,
    ) -> impl Future<Output = Result<Option<Message>>> + Send;

    /// `released` → `completed`: the message is closed. In any other stage nothing changes.
    fn complete(&self, id: MessageId) -> impl Future<Output = Result<()>> + Send;

    /// [`Message::apply`], atomically with every other move of the message; answers the message as it stands then. `None` = no
    /// such message. May be repeated.
    fn change(
        &self,
        id: MessageId,
        change: MessageChange,
    ) -> impl Future<Output = Result<Option<std::result::Result<Message, ChangeRefused>>>> + Send;

    /// Puts a page unless one with this id is there, and answers the one that is stored: a repeat of a job must name the
    /// devices that the first run named.
    fn put_shard(&self, shard: Shard) -> impl Future<Output = Result<Shard>> + Send;

    /// The shards of a message in the order of their ids, after `after`, at most `limit`: whom it was for. Never stale: whatever
    /// was put before is among them.
    fn shards(
        &self,
        message: MessageId,
        after: Option<ShardId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Shard>>> + Send;
}
