//! The figures of apps by period, to which each batch is added once.
//!
//! What a batch adds to an app is one transaction: the batch's mark, which must not be there, and one item for each period. An
//! app's items are spread over eight partitions by the batch's id, so that a busy app's batches keep out of each other's way;
//! a reader adds the eight up.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | the partition's number 18 times, and the app: longer than any message's partition |
//! | `sk` | 1 (minutes), 2 (hours) or 3 (days) and the period's start; `m` + batch: its mark |
//! | the numbers | as those of a message |
//! | `ttl` | time to live |
//!
//! | operation | requests | cost |
//! |---|---|---|
//! | `add_statistics` | 1 | 2 WRU for the mark + 2 WRU for each period (each KiB of it): 8 WRU for a batch of one minute, however many receipts it holds |
//! | `statistics` | 8 | 1 RRU per partition and 4 KiB |

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use homing_domain::limits::{HISTORY_KEPT_FOR, STATISTICS_MAX_PERIODS};
use homing_domain::{AppId, BatchId, Granularity, Period, Tally, UnixMillis};
use homing_ports::{Result, Statistics};

use super::{call, numbers};
use crate::AwsStore;
use crate::expression::Expression;
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, expiry, sorted_key};
use crate::one_item::Query;
use crate::schema::{SORT_KEY, TTL};
use crate::transaction::Write;

/// Partitions of an app: each takes some 60 batches a second.
const PARTITIONS: u8 = 8;
/// Longer than the partition of a message's rows, which is 17 bytes.
const PREFIX_BYTES: usize = 18;
const MARK: u8 = b'm';

fn partition(app: &AppId, number: u8) -> Vec<u8> {
    [&[number; PREFIX_BYTES], app.as_str().as_bytes()].concat()
}

const fn code(granularity: Granularity) -> u8 {
    match granularity {
        Granularity::Minute => 1,
        Granularity::Hour => 2,
        Granularity::Day => 3,
    }
}

fn sort(granularity: Granularity, start: UnixMillis) -> [u8; 9] {
    let mut sort = [code(granularity); 9];
    sort[1..].copy_from_slice(&start.0.to_be_bytes());
    sort
}

fn start_of(item: &Item) -> std::result::Result<UnixMillis, Damaged> {
    let sort: [u8; 9] = ItemReader::new(Table::Ledger, item.clone()).take(SORT_KEY)?;
    let mut start = [0; 8];
    start.copy_from_slice(&sort[1..]);
    Ok(UnixMillis(u64::from_be_bytes(start)))
}

impl Statistics for AwsStore {
    async fn add_statistics(&self, batch: BatchId, app: &AppId, changes: Vec<(Period, Tally)>) -> Result<()> {
        let now = self.shared.clock.now();
        let partition = partition(app, batch.as_bytes()[15] % PARTITIONS);
        let mark = sorted_key(partition.clone(), [&[MARK], batch.as_bytes().as_slice()].concat());
        let mark = ItemWriter::of(mark).with(TTL, expiry(now.plus(HISTORY_KEPT_FOR))).finish();
        let writes = |_| {
            let mut writes = vec![Write::Put(mark.clone(), Expression::absent_or_over(now))];
            writes.extend(changes.iter().filter(|(_, change)| !change.is_empty()).map(|(period, change)| {
                let key = sorted_key(partition.clone(), sort(period.granularity, period.start));
                Write::Update(key, numbers::addition(change, expiry(period.kept_until()), ""))
            }));
            writes
        };
        // Refused = the mark is there: it was added.
        self.transact(call("add to the figures"), writes).await.map(|_| ())
    }

    async fn statistics(
        &self,
        app: &AppId,
        granularity: Granularity,
        from: UnixMillis,
        until: UnixMillis,
    ) -> Result<Vec<(Period, Tally)>> {
        if until <= from {
            return Ok(Vec::new());
        }
        let call = call("read the figures");
        let read = |number| async move {
            let expression = Expression::key("#pk = :p AND #sk BETWEEN :from AND :last")
                .value("p", bytes::Bytes::from(partition(app, number)))
                .value("from", sort(granularity, from))
                .value("last", sort(granularity, until.minus(1)));
            self.list(call, Query::of(expression), STATISTICS_MAX_PERIODS).await
        };
        let mut sums = BTreeMap::<UnixMillis, Tally>::new();
        let mut pages = stream::iter(0..PARTITIONS).map(read).buffer_unordered(PARTITIONS.into());
        while let Some(items) = pages.try_next().await? {
            for item in items {
                let start = call.read(start_of(&item))?;
                sums.entry(start).or_default().merge(&call.read(numbers::read(item))?);
            }
        }
        let period = |(start, tally)| (Period { granularity, start }, tally);
        Ok(sums.into_iter().take(STATISTICS_MAX_PERIODS).map(period).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_series_is_the_partition_of_another_or_of_a_message() {
        let names = ["a", "aa", "a-b"].map(|app| partition(&app.parse().unwrap(), 0));
        assert!(names[0] != names[1] && names[1] != names[2]);
        assert!(names.iter().all(|name| name.len() > 17));
        assert!(sort(Granularity::Minute, UnixMillis::NEVER) < sort(Granularity::Hour, UnixMillis(0)));
    }
}
