//! Messages, their indexes, and the pages of their audiences.
//!
//! All items of a message are in its own partition; `row` says what stands in them. Only lists read the indexes.
//!
//! # Cost
//! One write unit (WRU) is 1 KiB written, one read unit (RRU) is 4 KiB read. `n` is the number of results.
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | accept | 1 | 1 + 1 (`by_app`) + 1 (`due`) | |
//! | accept, payload and audience above 512 bytes | 2 | the same + 1 per KiB of them | |
//! | accept of what is there | 1 | 1 | |
//! | message | 1, or 2 with the body outside | | 1 each |
//! | begin_release | 1 | 1 + 2 (`due`) | |
//! | begin_release into a feed | 2 | 1 + 2 (`due`) | 1 |
//! | finish_segment, named audience or in a feed only | 1 | 1 | |
//! | finish_segment, everyone | 1 a segment, 1 at the end, 1 for segment 0 | 1 each | |
//! | complete | 1 | 1 + 1 (`due`) | |
//! | change | 2 | 1 + 0 to 2 (`due`) | 1 |
//! | change that touches the body of one outside, or makes it be kept longer | 3 or 4 | the same + 1 per KiB of it | 2 |
//! | change that changes nothing or is refused | 1 | | 1 |
//! | put_shard | 1 | 1 per KiB: 1 for up to 50 devices, 5 for 256, 7 for 256 of users | |
//! | shards | 1 per MiB | | 1 per 4 KiB |
//! | overdue | 64 | | 0.5 each, for up to 40 keys |
//! | messages_of_app | 16 + n/100 | | 0.5 each for up to 40 keys, + 0.5 n |
//!
//! begin_release and finish_segment read the body too (1 RRU) where it stands outside: their callers need the audience.
//!
//! A message's items share one partition key: pages of an audience of everyone are written at 1,000 WRU a second, 200 pages
//! or 50,000 devices, until DynamoDB splits the partition for its heat, which page ids (hashes) allow.

mod change;
mod index;
mod lists;
mod release;
mod row;
mod shard_row;
#[cfg(test)]
mod tests;

use homing_domain::{AppId, ChangeRefused, FeedOffset, Message, MessageChange, MessageId, Shard, ShardId, UnixMillis};
use homing_ports::{Accepted, Error, Fault, Messages, Result};

use crate::AwsStore;
use crate::expression::Expression;
use crate::item::{Item, Table};
use crate::one_item::{Call, Written};

const fn call(operation: &'static str) -> Call {
    Call { operation, table: Table::Messages }
}

impl AwsStore {
    /// The message of a row, with its body.
    async fn with_body(&self, call: Call, row: Item) -> Result<Message> {
        let body = match call.read(row::body_key_in(&row))? {
            // It is written before the row and outlives it.
            Some(key) => {
                let body = self.get_whatever(call, key).await?;
                let missing = || Error::with_source(Fault::Broken, call.operation, "a message without its body");
                Some(body.ok_or_else(missing)?)
            }
            None => None,
        };
        call.read(row::read(row, body))
    }
}

impl Messages for AwsStore {
    async fn accept(&self, message: Message) -> Result<Accepted> {
        let call = call("accept the message");
        let (row, body) = row::write(&message, self.shared.clock.now());
        if let Some(body) = body {
            // First, so that no row is ever without it. A repeat writes the same: its key names the request's hash.
            self.put(call, body, Expression::none()).await?;
        }
        match self.put(call, row, Expression::absent()).await? {
            Written::Done(_) => Ok(Accepted::New),
            Written::Refused(Some(stored)) => Ok(Accepted::Existing(Box::new(self.with_body(call, stored).await?))),
            Written::Refused(None) => Err(Error::with_source(Fault::Retry, call.operation, "refused without the item")),
        }
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>> {
        let call = call("read the message");
        match self.get(call, row::key(&id)).await? {
            Some(row) => self.with_body(call, row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn messages_of_app(
        &self,
        app: &AppId,
        before: Option<(UnixMillis, MessageId)>,
        limit: usize,
    ) -> Result<Vec<Message>> {
        self.list_messages(app, before, limit).await
    }

    async fn overdue(&self, now: UnixMillis, limit: usize) -> Result<Vec<MessageId>> {
        self.list_overdue(now, limit).await
    }

    async fn begin_release(
        &self,
        id: MessageId,
        now: UnixMillis,
        feed_head: Option<FeedOffset>,
    ) -> Result<Option<Message>> {
        self.release(id, now, feed_head).await
    }

    async fn finish_segment(&self, id: MessageId, segment: u8, now: UnixMillis) -> Result<Option<Message>> {
        self.finish(id, segment, now).await
    }

    async fn complete(&self, id: MessageId) -> Result<()> {
        self.close(id).await
    }

    async fn change(
        &self,
        id: MessageId,
        change: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        self.change_message(id, change).await
    }

    async fn put_shard(&self, shard: Shard) -> Result<Shard> {
        let call = call("put the shard");
        let item = shard_row::write(&shard, self.shared.clock.now());
        match self.put(call, item, Expression::absent()).await? {
            Written::Done(_) => Ok(shard),
            Written::Refused(Some(stored)) => call.read(shard_row::read(stored)),
            Written::Refused(None) => Err(Error::with_source(Fault::Retry, call.operation, "refused without the item")),
        }
    }

    async fn shards(&self, message: MessageId, after: Option<ShardId>, limit: usize) -> Result<Vec<Shard>> {
        self.list_shards(message, after, limit).await
    }
}
