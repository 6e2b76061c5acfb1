//! Lists: as many pages of a query as are wanted, many partitions at once, and rows by their keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use homing_ports::{Error, Fault, Result};

use crate::AwsStore;
use crate::compare_and_swap::pause;
use crate::error::in_port;
use crate::item::{Damaged, Item};
use crate::one_item::{Call, Query};
use crate::schema::PARTITION_KEY;

/// Keys in one request: AWS takes no more.
const BATCH_MAX_KEYS: usize = 100;
/// Requests of one list that are under way at once: what one caller may take of a table's throughput.
const CONCURRENT_REQUESTS: usize = 16;
/// Requests for what AWS left unprocessed, the first among them. With pauses from 50 ms on, doubled: some 6 s.
const BATCH_MAX_ATTEMPTS: u32 = 8;

impl Call {
    /// What was read of items, with the port's error for a damaged one.
    pub(crate) fn read<T>(self, read: std::result::Result<T, Damaged>) -> Result<T> {
        read.map_err(|damaged| damaged.in_port(self.operation))
    }

    /// Every item through its reader.
    pub(crate) fn read_all<T>(
        self,
        items: Vec<Item>,
        read: impl Fn(Item) -> std::result::Result<T, Damaged>,
    ) -> Result<Vec<T>> {
        self.read(items.into_iter().map(read).collect())
    }
}

impl AwsStore {
    /// The first `limit` items of a query, in its order. Fewer only if there are no more.
    pub(crate) async fn list(&self, call: Call, mut query: Query, limit: usize) -> Result<Vec<Item>> {
        let mut found = Vec::new();
        while found.len() < limit {
            query.limit = Some(limit - found.len());
            let page = self.query(call, query.clone()).await?;
            found.extend(page.items);
            match page.next {
                Some(next) => query.start = Some(next),
                None => break,
            }
        }
        Ok(found)
    }

    /// The first `limit` items of each of these queries.
    pub(crate) async fn list_each(&self, call: Call, queries: Vec<Query>, limit: usize) -> Result<Vec<Vec<Item>>> {
        stream::iter(queries)
            .map(|query| self.list(call, query, limit))
            .buffered(CONCURRENT_REQUESTS)
            .try_collect()
            .await
    }

    /// Rows by their keys, in no order; what is not there or is over is left out. Stale reads: half a read unit per 4 KiB of
    /// each row.
    pub(crate) async fn rows(&self, call: Call, keys: Vec<Item>) -> Result<Vec<Item>> {
        let batches: Vec<_> = keys.chunks(BATCH_MAX_KEYS).map(<[Item]>::to_vec).collect();
        let batches: Vec<Vec<Item>> = stream::iter(batches)
            .map(|batch| self.batch(call, batch))
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_collect()
            .await?;
        Ok(batches.into_iter().flatten().filter(|item| !self.is_over(item)).collect())
    }

    async fn batch(&self, call: Call, mut keys: Vec<Item>) -> Result<Vec<Item>> {
        let table = self.table_name(call)?;
        let mut found = Vec::new();
        for attempt in 0..BATCH_MAX_ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let asked = KeysAndAttributes::builder().set_keys(Some(keys)).build();
            let asked = asked.map_err(|error| Error::with_source(Fault::Broken, call.operation, error))?;
            let answer = self
                .db()
                .batch_get_item()
                .request_items(table, asked)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|error| in_port(call.operation, error))?;
            found.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            let left = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, left)| left.keys);
            keys = left.collect();
            if keys.is_empty() {
                return Ok(found);
            }
        }
        Err(Error::with_source(Fault::Retry, call.operation, format!("{} keys stayed unprocessed", keys.len())))
    }
}

/// Items by their partition key.
pub(crate) fn by_partition(items: Vec<Item>) -> HashMap<Vec<u8>, Item> {
    let partition = |item: &Item| Some(item.get(PARTITION_KEY)?.as_b().ok()?.as_ref().to_vec());
    items.into_iter().filter_map(|item| Some((partition(&item)?, item))).collect()
}
