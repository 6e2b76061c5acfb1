//! The ledger: a row per (message, device), and the numbers of each message.
//!
//! Rows of a message are spread over 16 partitions by the first four bits of the device id, so that 16,000 of them can be
//! written a second. The first receipt of a row is a put on the condition that there is none; whatever meets a row goes
//! through the model and is put if nobody wrote in between. How numbers are added: see [`numbers`].
//!
//! | operation | requests | cost |
//! |---|---|---|
//! | `record`, per row that ends for the first time | 1 | 1 WRU |
//! | `record`, per repeated or losing end | 1 | 1 WRU |
//! | `record`, per row of facts, or late delivery after another end | 2 | 1 RRU + 1 WRU; 2 WRU |
//! | `record`, per row that a vendor's way ends: a claim made it | 2 | 1 RRU + 1 WRU |
//! | `claim_delivery`, granted or not; `release_claim` | 1 | 1 WRU |
//! | `count`, `count_targets`, per message: the first 16 batches and shards | 1 | 1 WRU |
//! | … every further one | 2 | 1 WRU (refused) + 4 WRU |
//! | `tally` | 1 | 1 RRU |
//! | `delivery` | 1 | 1 RRU |
//! | `version_label` | 1 | 1 WRU; processes remember the answers |
//! | `deliveries` | 1 to 16 | 0.5 RRU per partition and 4 KiB: about 30 rows each |
//!
//! A row is about 250 bytes and never near 1 KiB. What a message's numbers are broken down by adds up to 60 bytes for each
//! platform, version and step that they meet: those of a broadcast may take 4 WRU for an addition, those of a single push 1.

mod claim;
mod numbers;
mod row;
mod statistics;
mod versions;

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use homing_domain::limits::HISTORY_KEPT_FOR;
use homing_domain::{
    AppId, BatchId, Channel, Claimed, Delivery, DeviceId, Event, MessageId, Receipt, ShardId, Snapshots, Tally,
    UnixMillis, VersionLabel,
};
use homing_ports::{Ledger, Result};

use crate::AwsStore;
use crate::compare_and_swap::{Decision, Known};
use crate::expression::Expression;
use crate::item::{Item, Table, Value, expiry};
use crate::one_item::{Call, Query};
use crate::schema::TTL;

/// Rows of one `record`, and messages of one `count`, that are under way at a time: as many as of mailboxes.
const WRITES_MAX_CONCURRENT: usize = 32;
/// Partitions that `deliveries` looks into at a time: most messages are for one device, and fifteen of them are empty.
const PARTITIONS_CONCURRENT: usize = 4;

const fn call(operation: &'static str) -> Call {
    Call { operation, table: Table::Ledger }
}

/// The receipts of one row, in their order.
fn by_row(receipts: Vec<Receipt>) -> Vec<Vec<Receipt>> {
    let mut rows = Vec::<Vec<Receipt>>::new();
    let mut places = HashMap::new();
    for receipt in receipts {
        let place = *places.entry((receipt.message, receipt.device)).or_insert(rows.len());
        match rows.get_mut(place) {
            Some(row) => row.push(receipt),
            None => rows.push(vec![receipt]),
        }
    }
    rows
}

impl AwsStore {
    /// Takes the receipts of one row into it.
    async fn record_row(
        &self,
        batch: BatchId,
        first: &Receipt,
        receipts: &[Receipt],
        about: &Snapshots,
    ) -> Result<Delivery> {
        let call = call("record receipts");
        let kept_until = expiry(self.shared.clock.now().plus(HISTORY_KEPT_FOR)).into_value();
        // Facts follow an end nearly always; an end is nearly always the first that is heard of a row, unless a vendor was
        // asked: then a claim was.
        let is_first = |receipt: &Receipt| matches!(receipt.event, Event::Ended(_)) && receipt.channel == Channel::Own;
        let is_first = receipts.iter().any(is_first);
        let known = if is_first { Known::Item(None) } else { Known::Nothing };
        let decide = |item: Option<Item>| {
            let ttl = item.as_ref().and_then(|item| item.get(TTL)).unwrap_or(&kept_until).clone();
            let stored = item.map(row::read).transpose().map_err(|damaged| damaged.in_port(call.operation))?;
            let mut row = stored.unwrap_or_else(|| Delivery::new(first.message, first.device, first.channel));
            let changes = receipts.iter().filter(|receipt| row.record(receipt, batch)).count();
            if changes > 0 {
                row.keep_about(about);
            }
            let write = (changes > 0).then(|| row::write(&row).with(TTL, ttl).finish());
            Ok(Decision { answer: row, write })
        };
        self.compare_and_swap(call, row::key(&first.message, &first.device), known, decide).await
    }

    /// Rows of one partition of a message.
    async fn deliveries_of_partition(
        &self,
        message: MessageId,
        nibble: u8,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Vec<Delivery>> {
        let call = call("list the deliveries of the message");
        let expression = match after {
            Some(after) => Expression::key("#pk = :p AND #sk > :after").value("after", after),
            None => Expression::key("#pk = :p"),
        };
        let expression = expression.value("p", row::partition(&message, nibble));
        let mut query = Query { is_consistent: false, limit: Some(limit), ..Query::of(expression) };
        let mut found = Vec::new();
        loop {
            let page = self.query(call, query.clone()).await?;
            for item in page.items {
                found.push(row::read(item).map_err(|damaged| damaged.in_port(call.operation))?);
            }
            query.start = page.next;
            if query.start.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }
}

impl Ledger for AwsStore {
    /// Each row is answered once, however many receipts it got.
    async fn record(&self, batch: BatchId, receipts: Vec<Receipt>, about: Snapshots) -> Result<Vec<Delivery>> {
        let about = &about;
        let record = |receipts: Vec<Receipt>| async move {
            match receipts.first() {
                Some(first) => self.record_row(batch, first, &receipts, about).await.map(Some),
                None => Ok(None),
            }
        };
        let rows = stream::iter(by_row(receipts)).map(record).buffer_unordered(WRITES_MAX_CONCURRENT);
        rows.try_filter_map(async |row| Ok(row)).try_collect().await
    }

    async fn version_label(&self, app: &AppId, version: VersionLabel) -> Result<VersionLabel> {
        self.label_version(app, version).await
    }

    async fn count(&self, batch: BatchId, changes: Vec<(MessageId, Tally)>) -> Result<()> {
        let mark = numbers::Mark::batch(&batch);
        stream::iter(changes)
            .map(|(message, change)| self.count_once(call("count receipts"), mark, message, change))
            .buffer_unordered(WRITES_MAX_CONCURRENT)
            .try_collect()
            .await
    }

    async fn count_targets(&self, shard: ShardId, message: MessageId, devices: usize, covers: u32) -> Result<()> {
        let mark = numbers::Mark::shard(&shard);
        self.count_once(call("count targets"), mark, message, Tally::of_page(devices, covers)).await
    }

    async fn claim_delivery(
        &self,
        message: MessageId,
        device: DeviceId,
        channel: Channel,
        now: UnixMillis,
    ) -> Result<Claimed> {
        self.claim(message, device, channel, now).await
    }

    async fn release_claim(&self, message: MessageId, device: DeviceId) -> Result<()> {
        // Refused = nobody has claimed it, or there is no row.
        let call = call("release the claim of the delivery");
        self.update(call, row::key(&message, &device), claim::release()).await.map(|_| ())
    }

    async fn tally(&self, message: MessageId) -> Result<Tally> {
        self.numbers_of(call("read the numbers of the message"), message).await
    }

    async fn delivery(&self, message: MessageId, device: DeviceId) -> Result<Option<Delivery>> {
        let call = call("read the delivery");
        let item = self.get(call, row::key(&message, &device)).await?;
        item.map(row::read).transpose().map_err(|damaged| damaged.in_port(call.operation))
    }

    async fn deliveries(&self, message: MessageId, after: Option<DeviceId>, limit: usize) -> Result<Vec<Delivery>> {
        let first = after.map_or(0, |after| row::nibble(&after));
        let mut pages = stream::iter(first..row::PARTITIONS)
            .map(|nibble| {
                let after = after.filter(|_| nibble == first);
                self.deliveries_of_partition(message, nibble, after, limit)
            })
            .buffered(PARTITIONS_CONCURRENT);
        let mut found = Vec::new();
        while found.len() < limit {
            let Some(page) = pages.try_next().await? else { break };
            found.extend(page);
        }
        found.truncate(limit);
        Ok(found)
    }
}
