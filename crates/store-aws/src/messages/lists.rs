//! Lists of messages and of their pages.

use aws_smithy_types::Blob;
use homing_domain::{AppId, Message, MessageId, Shard, ShardId, UnixMillis};
use homing_ports::Result;

use super::index::{self, APP_SHARDS, DUE_SHARDS};
use super::{call, row, shard_row};
use crate::AwsStore;
use crate::batch::Freshness;
use crate::expression::Expression;
use crate::item::{Item, ItemReader, Table, binary};
use crate::listing::by_partition;
use crate::one_item::{Call, Query};
use crate::schema::{MESSAGES_BY_APP, MESSAGES_DUE};

/// Times that a page of an app's messages is filled up for rows that are gone or over while the index still names them.
/// Those are the oldest ones, so a page that stays short after that is the last one.
const ROUNDS_MAX: usize = 4;
/// Overdue messages that are read of each partition, in multiples of its even part. What a partition has beyond that waits
/// for the next sweep.
const DUE_SURPLUS: usize = 4;

impl AwsStore {
    pub(super) async fn list_messages(
        &self,
        app: &AppId,
        before: Option<(UnixMillis, MessageId)>,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let call = call("list the messages of the app");
        let mut before = before.map(|(at, id)| index::app_sort(at, &id));
        let mut found = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let wanted = limit - found.len();
            let sorts = self.newest_of_app(call, app, before, wanted).await?;
            let is_last = sorts.len() < wanted;
            before = sorts.last().cloned();
            found.extend(self.messages_named(call, &sorts).await?);
            if is_last || found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// Sort keys of an app's messages, newest first.
    async fn newest_of_app(&self, call: Call, app: &AppId, before: Option<Blob>, limit: usize) -> Result<Vec<Blob>> {
        let query = |shard| {
            let expression = match &before {
                Some(before) => Expression::key("#ap = :shard AND #as < :before").value("before", before.clone()),
                None => Expression::key("#ap = :shard"),
            };
            let expression = expression.value("shard", index::app_shard(app, shard));
            Query { is_descending: true, ..of_index(MESSAGES_BY_APP.name, expression) }
        };
        let pages = self.list_each(call, (0..APP_SHARDS).map(query).collect(), limit).await?;
        let mut sorts = sort_keys(call, pages, MESSAGES_BY_APP.sort)?;
        sorts.sort_unstable_by(|one, other| other.as_ref().cmp(one.as_ref()));
        sorts.truncate(limit);
        Ok(sorts)
    }

    /// The messages that sort keys of an index name, in their order; what is gone is left out.
    async fn messages_named(&self, call: Call, sorts: &[Blob]) -> Result<Vec<Message>> {
        let ids: Vec<_> = sorts.iter().filter_map(|sort| index::id_in(sort.as_ref())).collect();
        let rows = self.rows(call, ids.iter().map(row::key).collect(), Freshness::Stale).await?;
        let bodies: Vec<Option<Item>> = call.read(rows.iter().map(row::body_key_in).collect())?;
        let bodies = self.rows(call, bodies.into_iter().flatten().collect(), Freshness::Stale).await?;
        let (mut rows, mut bodies) = (by_partition(rows), by_partition(bodies));
        let mut messages = Vec::with_capacity(rows.len());
        for id in ids {
            let Some(row) = rows.remove(&id.as_bytes()[..]) else { continue };
            messages.push(match bodies.remove(&id.as_bytes()[..]) {
                Some(body) => call.read(row::read(row, Some(body)))?,
                // In the row, or so new that a stale read did not see it.
                None => self.with_body(call, row).await?,
            });
        }
        Ok(messages)
    }

    pub(super) async fn list_overdue(&self, now: UnixMillis, limit: usize) -> Result<Vec<MessageId>> {
        let call = call("list overdue messages");
        let query = |shard| {
            let expression = Expression::key("#dp = :shard AND #ds < :now").value("now", index::at(now));
            of_index(MESSAGES_DUE.name, expression.value("shard", index::due_shard(shard)))
        };
        let of_each = DUE_SURPLUS * limit.div_ceil(usize::from(DUE_SHARDS));
        let pages = self.list_each(call, (0..DUE_SHARDS).map(query).collect(), of_each).await?;
        let mut sorts = sort_keys(call, pages, MESSAGES_DUE.sort)?;
        sorts.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        sorts.truncate(limit);
        Ok(sorts.iter().filter_map(|sort| index::id_in(sort.as_ref())).collect())
    }

    pub(super) async fn list_shards(
        &self,
        message: MessageId,
        after: Option<ShardId>,
        limit: usize,
    ) -> Result<Vec<Shard>> {
        let call = call("list the shards of the message");
        let (first, last) = shard_row::range_after(after.as_ref());
        let expression = Expression::key("#pk = :message AND #sk BETWEEN :first AND :last")
            .value("message", message)
            .value("first", binary(first))
            .value("last", binary(last));
        call.read_all(self.list(call, Query::of(expression), limit).await?, shard_row::read)
    }
}

fn of_index(name: &'static str, expression: Expression) -> Query {
    Query { index: Some(name), is_consistent: false, ..Query::of(expression) }
}

fn sort_keys(call: Call, pages: Vec<Vec<Item>>, attribute: &'static str) -> Result<Vec<Blob>> {
    let read = |item| ItemReader::new(Table::Messages, item).take(attribute);
    call.read_all(pages.into_iter().flatten().collect(), read)
}
