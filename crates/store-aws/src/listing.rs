//! Lists: as many pages of a query as are wanted, and many partitions at once.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use homing_ports::Result;

use crate::AwsStore;
use crate::item::{Damaged, Item};
use crate::one_item::{Call, Query};
use crate::schema::PARTITION_KEY;

/// Requests of one list that are under way at once: what one caller may take of a table's throughput.
pub(crate) const CONCURRENT_REQUESTS: usize = 16;

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
}

/// Items by their partition key.
pub(crate) fn by_partition(items: Vec<Item>) -> HashMap<Vec<u8>, Item> {
    let partition = |item: &Item| Some(item.get(PARTITION_KEY)?.as_b().ok()?.as_ref().to_vec());
    items.into_iter().filter_map(|item| Some((partition(&item)?, item))).collect()
}
