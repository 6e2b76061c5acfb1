//! Many items by their keys, as few requests as AWS takes: reads and puts. What AWS leaves unprocessed is asked again.

use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, ReturnConsumedCapacity, WriteRequest};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use homing_ports::{Error, Fault, Result};

use crate::AwsStore;
use crate::compare_and_swap::pause;
use crate::error::in_port;
use crate::item::Item;
use crate::listing::CONCURRENT_REQUESTS;
use crate::one_item::Call;

/// Keys in one request that reads: AWS takes no more.
const READ_MAX_KEYS: usize = 100;
/// Items in one request that writes: AWS takes no more.
const WRITE_MAX_ITEMS: usize = 25;
/// Requests for what AWS left unprocessed, the first among them. With the pauses of a compare-and-swap: a second.
const MAX_ATTEMPTS: u32 = 8;

/// Which state of an item a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Every write that was answered.
    Current,
    /// Of a moment ago perhaps; costs half.
    Stale,
}

impl AwsStore {
    /// Rows by their keys, of which no two may be the same, in no order; what is not there or is over is left out. A read
    /// unit per 4 KiB of each row, half of it when stale.
    pub(crate) async fn rows(&self, call: Call, keys: Vec<Item>, freshness: Freshness) -> Result<Vec<Item>> {
        let batches: Vec<_> = keys.chunks(READ_MAX_KEYS).map(<[Item]>::to_vec).collect();
        let batches: Vec<Vec<Item>> = stream::iter(batches)
            .map(|batch| self.read_batch(call, batch, freshness))
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_collect()
            .await?;
        Ok(batches.into_iter().flatten().filter(|item| !self.is_over(item)).collect())
    }

    /// Puts items, of which no two may have the same key, whatever is there. A write unit per KiB of each; when it fails,
    /// some of them are put.
    pub(crate) async fn put_all(&self, call: Call, items: Vec<Item>) -> Result<()> {
        let batches: Vec<_> = items.chunks(WRITE_MAX_ITEMS).map(<[Item]>::to_vec).collect();
        stream::iter(batches)
            .map(|batch| self.write_batch(call, batch))
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_collect()
            .await
    }

    async fn read_batch(&self, call: Call, mut keys: Vec<Item>, freshness: Freshness) -> Result<Vec<Item>> {
        let table = self.table_name(call)?;
        let mut found = Vec::new();
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let asked = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(freshness == Freshness::Current)
                .build()
                .map_err(|error| Error::with_source(Fault::Broken, call.operation, error))?;
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
        Err(unprocessed(call, keys.len()))
    }

    async fn write_batch(&self, call: Call, items: Vec<Item>) -> Result<()> {
        let table = self.table_name(call)?;
        let request = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        let writes: std::result::Result<Vec<_>, aws_sdk_dynamodb::error::BuildError> =
            items.into_iter().map(request).collect();
        let mut writes = writes.map_err(|error| Error::with_source(Fault::Broken, call.operation, error))?;
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let answer = self
                .db()
                .batch_write_item()
                .request_items(table, writes)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|error| in_port(call.operation, error))?;
            writes = answer.unprocessed_items.into_iter().flatten().flat_map(|(_, left)| left).collect();
            if writes.is_empty() {
                return Ok(());
            }
        }
        Err(unprocessed(call, writes.len()))
    }
}

fn unprocessed(call: Call, items: usize) -> Error {
    Error::with_source(Fault::Retry, call.operation, format!("{items} items stayed unprocessed"))
}
