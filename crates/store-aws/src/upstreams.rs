//! Messages from devices: a mark per (device, number) against a second one, and an entry in the app's list, in one
//! transaction. What is acknowledged is in the list and, where the app wants it, forwarded.
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | store_upstream | 1 | 2 + 2 per KiB | 1 per app and 10 s |
//! | the same, forwarded | 3: one of SQS or EventBridge | 3 + 2 per KiB | |
//! | store_upstream of what is there | 1 | 2 + 2 per KiB | |
//! | upstreams | 8 | | 1 each, for 4 KiB |
//!
//! A queue or a bus that takes nothing keeps the device from its acknowledgement: it sends again and again until the
//! operator mends the route or the business polls. The list has the message all the same.

mod forward;
mod landing;
mod position;
mod row;
#[cfg(test)]
mod tests;

use homing_domain::{AppId, Upstream, UpstreamRoute};
use homing_ports::{Clock as _, Created, Result, StoredUpstream, Upstreams};

pub use self::position::SETTLES_AFTER;

use self::forward::Routes;
use self::landing::Stored;
use self::position::{Positions, SHARDS, last_settled};
use crate::AwsStore;
use crate::directory::{call, upstream_partition};
use crate::expression::Expression;
use crate::item::binary;
use crate::one_item::{Call, Query};

/// What the store remembers of upstream messages.
#[derive(Debug, Default)]
pub(crate) struct State {
    positions: Positions,
    routes: Routes,
}

/// A part of an app's list, both ends among it.
fn between(app: &AppId, shard: u8, first: u64, last: u64) -> Expression {
    Expression::key("#pk = :list AND #sk BETWEEN :first AND :last")
        .value("list", binary(upstream_partition(app, shard)))
        .value("first", first.to_be_bytes())
        .value("last", last.to_be_bytes())
}

/// It is where the app wants it.
fn forwarded() -> Expression {
    Expression::update("REMOVE #fw").when("attribute_exists(#pk)")
}

impl Upstreams for AwsStore {
    async fn store_upstream(&self, upstream: Upstream) -> Result<Created> {
        let call = call("store the upstream message");
        let route = self.route_of(&upstream.app).await?;
        let is_forwarding = route != UpstreamRoute::Poll;
        match self.store_once(call, &upstream, is_forwarding).await? {
            Stored::New => {
                if is_forwarding {
                    self.forward(&route, &upstream).await?;
                    self.note_forwarded(call, &upstream).await?;
                }
                Ok(Created::New)
            }
            Stored::Before(mark) => {
                if mark.is_forwarding {
                    // The first run died before it was done. What it stored is the message, whatever this one says.
                    let entry = self.get(call, row::entry_key(&mark.app, mark.position)).await?;
                    if let Some(entry) = entry {
                        let stored = call.read(row::read_entry(&mark.app, entry))?;
                        self.forward(&route, &stored.upstream).await?;
                    }
                    self.note_forwarded(call, &upstream).await?;
                }
                Ok(Created::Exists)
            }
        }
    }

    async fn upstreams(&self, app: &AppId, after: u64, limit: usize) -> Result<Vec<StoredUpstream>> {
        let call = call("list upstream messages");
        let (first, last) = (after.saturating_add(1), last_settled(self.now()));
        if first > last {
            return Ok(Vec::new());
        }
        // Positions spread evenly, so twice a shard's part is nearly always enough for a whole page.
        let of_each = (2 * limit.div_ceil(usize::from(SHARDS)) + 1).min(limit);
        let queries = (0..SHARDS).map(|shard| Query::of(between(app, shard, first, last))).collect();
        let mut lists = Vec::with_capacity(usize::from(SHARDS));
        for items in self.list_each(call, queries, of_each).await? {
            lists.push(call.read_all(items, |item| row::read_entry(app, item))?);
        }
        Ok(merge(lists, of_each, limit))
    }
}

impl AwsStore {
    async fn note_forwarded(&self, call: Call, upstream: &Upstream) -> Result<()> {
        let key = row::mark_key(&upstream.device, upstream.id);
        self.update(call, key, forwarded()).await.map(|_| ())
    }
}

/// The first `limit` of several lists. One that was cut at `of_each` may go on right behind its last, so nothing beyond that
/// is shown: fewer than `limit` may come, but at least one if there is any.
fn merge(lists: Vec<Vec<StoredUpstream>>, of_each: usize, limit: usize) -> Vec<StoredUpstream> {
    let is_cut = |list: &&Vec<StoredUpstream>| list.len() >= of_each;
    let known_to = lists.iter().filter(is_cut).filter_map(|list| list.last()).map(|last| last.position).min();
    let mut merged: Vec<_> = lists.into_iter().flatten().collect();
    merged.retain(|stored| known_to.is_none_or(|known_to| stored.position <= known_to));
    merged.sort_unstable_by_key(|stored| stored.position);
    merged.truncate(limit);
    merged
}
