//! The ledger: delivery rows, and the numbers of each message with the memory of what was counted.

use std::collections::HashMap;

use homing_domain::limits::VERSION_LABELS_MAX;
use homing_domain::{
    AppId, BatchId, Channel, Claimed, Delivery, DeviceId, MessageId, Receipt, ShardId, Snapshots, Tally, UnixMillis,
    VersionLabel,
};
use homing_ports::{Ledger, Result};

use crate::EmbeddedStore;
use crate::committer::View;
use crate::error::StoreResult;
use crate::messages;
use crate::rows::AppVersionsRow;
use crate::sweep::Aged;
use crate::table::{Key, Table};

/// What was counted, inside the key of its mark.
const BATCH: u8 = 1;
const SHARD: u8 = 2;

pub(crate) fn deliveries_of(message: &MessageId) -> Key {
    Key::of(Table::Deliveries).message(message)
}

pub(crate) fn tally_of(message: &MessageId) -> Key {
    Key::of(Table::Tallies).message(message)
}

pub(crate) fn counted_of(message: &MessageId) -> Key {
    Key::of(Table::Counted).message(message)
}

/// Adds to a message's numbers unless the mark says that it was done.
fn count_once(view: &mut View<'_>, mark: Key, message: MessageId, change: &Tally, now: UnixMillis) -> StoreResult<()> {
    if view.contains(&mark)? {
        return Ok(());
    }
    view.put_mark(mark);
    let key = tally_of(&message);
    let stored = view.noun::<Tally>(&key)?;
    if stored.is_none() {
        age_without_message(view, message, now)?;
    }
    let mut tally = stored.unwrap_or_default();
    tally.merge(change);
    view.put_noun(key, &tally);
    Ok(())
}

/// Rows of a message that is not (or no longer) there must age out too.
fn age_without_message(view: &mut View<'_>, message: MessageId, now: UnixMillis) -> StoreResult<()> {
    if !view.contains(&messages::key(&message))? {
        view.put_mark(Aged::Message(message).key(now));
    }
    Ok(())
}

fn record(
    view: &mut View<'_>,
    batch: BatchId,
    receipts: &[Receipt],
    about: &Snapshots,
    now: UnixMillis,
) -> StoreResult<Vec<Delivery>> {
    let mut rows = Vec::<(Delivery, bool)>::new();
    let mut places = HashMap::new();
    for receipt in receipts {
        let place = match places.get(&(receipt.message, receipt.device)) {
            Some(place) => *place,
            None => {
                let stored = view.noun(&deliveries_of(&receipt.message).device(&receipt.device))?;
                if stored.is_none() {
                    age_without_message(view, receipt.message, now)?;
                }
                rows.push((
                    stored.unwrap_or_else(|| Delivery::new(receipt.message, receipt.device, receipt.channel)),
                    false,
                ));
                places.insert((receipt.message, receipt.device), rows.len() - 1);
                rows.len() - 1
            }
        };
        let (row, changed) = &mut rows[place];
        *changed |= row.record(receipt, batch);
    }
    for (row, _) in rows.iter_mut().filter(|(_, changed)| *changed) {
        row.keep_about(about);
        view.put_noun(deliveries_of(&row.message).device(&row.device), row);
    }
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

fn claim(
    view: &mut View<'_>,
    message: MessageId,
    device: DeviceId,
    channel: Channel,
    now: UnixMillis,
    clock: UnixMillis,
) -> StoreResult<Claimed> {
    let key = deliveries_of(&message).device(&device);
    let stored = view.noun::<Delivery>(&key)?;
    if stored.is_none() {
        age_without_message(view, message, clock)?;
    }
    let mut row = stored.unwrap_or_else(|| Delivery::new(message, device, channel));
    let claimed = row.claim(now);
    if matches!(claimed, Claimed::Granted { .. }) {
        view.put_noun(key, &row);
    }
    Ok(claimed)
}

impl Ledger for EmbeddedStore {
    /// Each row is answered once, however many receipts it got.
    async fn record(&self, batch: BatchId, receipts: Vec<Receipt>, about: Snapshots) -> Result<Vec<Delivery>> {
        let now = self.shared.clock.now();
        self.commit("record receipts", move |view| record(view, batch, &receipts, &about, now)).await
    }

    async fn version_label(&self, app: &AppId, version: VersionLabel) -> Result<VersionLabel> {
        let key = Key::of(Table::AppVersions).app(app);
        self.commit("name the version", move |view| {
            let mut known = view.row::<AppVersionsRow>(&key)?.unwrap_or_default();
            if known.versions.iter().any(|name| name == version.as_str()) {
                return Ok(version);
            }
            if known.versions.len() >= VERSION_LABELS_MAX {
                return Ok(VersionLabel::OTHER);
            }
            known.versions.push(version.as_str().to_owned());
            view.put_row(key, &known);
            Ok(version)
        })
        .await
    }

    async fn count(&self, batch: BatchId, changes: Vec<(MessageId, Tally)>) -> Result<()> {
        let now = self.shared.clock.now();
        self.commit("count receipts", move |view| {
            for (message, change) in changes {
                let mark = counted_of(&message).byte(BATCH).raw(batch.as_bytes());
                count_once(view, mark, message, &change, now)?;
            }
            Ok(())
        })
        .await
    }

    async fn count_targets(&self, shard: ShardId, message: MessageId, devices: usize, covers: u32) -> Result<()> {
        let now = self.shared.clock.now();
        self.commit("count targets", move |view| {
            let mark = counted_of(&message).byte(SHARD).shard(&shard);
            count_once(view, mark, message, &Tally::of_page(devices, covers), now)
        })
        .await
    }

    async fn claim_delivery(
        &self,
        message: MessageId,
        device: DeviceId,
        channel: Channel,
        now: UnixMillis,
    ) -> Result<Claimed> {
        let clock = self.shared.clock.now();
        self.commit("claim the delivery", move |view| claim(view, message, device, channel, now, clock)).await
    }

    async fn release_claim(&self, message: MessageId, device: DeviceId) -> Result<()> {
        self.commit("release the claim of the delivery", move |view| {
            let key = deliveries_of(&message).device(&device);
            if let Some(mut row) = view.noun::<Delivery>(&key)?.filter(|row| row.claimed_at.is_some()) {
                row.release_claim();
                view.put_noun(key, &row);
            }
            Ok(())
        })
        .await
    }

    async fn tally(&self, message: MessageId) -> Result<Tally> {
        let stored = self.engine().noun(&tally_of(&message));
        stored.map(Option::unwrap_or_default).map_err(|error| error.in_port("read the numbers of the message"))
    }

    async fn delivery(&self, message: MessageId, device: DeviceId) -> Result<Option<Delivery>> {
        let stored = self.engine().noun(&deliveries_of(&message).device(&device));
        stored.map_err(|error| error.in_port("read the delivery"))
    }

    async fn deliveries(&self, message: MessageId, after: Option<DeviceId>, limit: usize) -> Result<Vec<Delivery>> {
        let prefix = deliveries_of(&message);
        let start = after.map(|after| prefix.clone().device(&after).next());
        self.read_pages("list the deliveries of the message", move |engine| engine.nouns(&prefix, start, limit)).await
    }
}
