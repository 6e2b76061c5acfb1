//! The ledger: rows one at a time, so that a batch may be half done; counters with their memory, unless broken on purpose.

use std::collections::{BTreeMap, BTreeSet};

use homing_domain::{
    AppId, BatchId, Channel, Claimed, Delivery, DeviceId, Granularity, MessageId, Period, Receipt, ShardId, Snapshots,
    Stage, Tally, UnixMillis, VersionLabel,
};
use homing_ports::{Error, Fault, Ledger, Result, Statistics};

use super::{State, Weak, Weakness};

/// Delivery rows and numbers.
#[derive(Debug, Default)]
pub struct LedgerState {
    /// Delivery rows.
    pub rows: BTreeMap<(MessageId, DeviceId), Delivery>,
    /// Numbers of messages.
    pub tallies: BTreeMap<MessageId, Tally>,
    /// When each end was written: it may have happened long before.
    pub(super) ended: BTreeMap<(MessageId, DeviceId), UnixMillis>,
    counted: BTreeSet<(BatchId, MessageId)>,
    /// Figures of apps.
    pub statistics: BTreeMap<(AppId, Period), Tally>,
    statistics_counted: BTreeSet<(BatchId, AppId)>,
    shards_counted: BTreeSet<ShardId>,
}

impl State {
    fn record_one(&mut self, batch: BatchId, receipt: &Receipt, about: &Snapshots) -> Delivery {
        let key = (receipt.message, receipt.device);
        let row = self
            .ledger
            .rows
            .entry(key)
            .or_insert_with(|| Delivery::new(receipt.message, receipt.device, receipt.channel));
        let before = row.stage;
        let changed = row.record(receipt, batch);
        if changed {
            row.keep_about(about);
        }
        let row = row.clone();
        if changed {
            let name = match (before.is_terminal(), row.stage.is_terminal(), before == row.stage) {
                (false, true, _) => row.stage.name(),
                (true, true, false) if before == Stage::Expired => "expired -> delivered",
                (true, true, false) => "another end -> delivered",
                _ => "fact",
            };
            self.coverage.hit("delivery", name);
            if row.stage.is_terminal() {
                let now = self.now;
                self.ledger.ended.entry(key).or_insert(now);
            }
            self.trace(|| format!("  ledger {} {}: {:?} {}", receipt.device, receipt.message, row.stage, batch));
        } else {
            self.coverage.hit("delivery", "repeat or loser changes nothing");
        }
        row
    }
}

impl Ledger for Weak {
    async fn version_label(&self, _: &AppId, version: VersionLabel) -> Result<VersionLabel> {
        Ok(version)
    }

    async fn record(&self, batch: BatchId, receipts: Vec<Receipt>, about: Snapshots) -> Result<Vec<Delivery>> {
        self.call("record receipts", move |state| {
            let breaks_at = state.faults.fail_before;
            let mut rows = Vec::with_capacity(receipts.len());
            for receipt in &receipts {
                if !rows.is_empty() && state.strikes(breaks_at, "batch half done") {
                    return Err(Error::new(Fault::Retry, "record receipts"));
                }
                rows.push(state.record_one(batch, receipt, &about));
            }
            // One row may stand in a batch twice: the answer is the rows as they stand at the end.
            for row in &mut rows {
                if let Some(last) = state.ledger.rows.get(&(row.message, row.device)) {
                    row.clone_from(last);
                }
            }
            Ok(rows)
        })
        .await
    }

    async fn count(&self, batch: BatchId, changes: Vec<(MessageId, Tally)>) -> Result<()> {
        self.call("count", move |state| {
            let breaks_at = state.faults.fail_before;
            for (at, (message, tally)) in changes.iter().enumerate() {
                if at > 0 && state.strikes(breaks_at, "batch half done") {
                    return Err(Error::new(Fault::Retry, "count"));
                }
                let bare = state.weakness == Weakness::BareCounterAdd;
                if state.ledger.counted.insert((batch, *message)) || bare {
                    state.ledger.tallies.entry(*message).or_default().merge(tally);
                } else {
                    state.coverage.hit("count", "a repeat changes nothing");
                }
            }
            Ok(())
        })
        .await
    }

    async fn count_targets(&self, shard: ShardId, message: MessageId, devices: usize, covers: u32) -> Result<()> {
        self.call("count targets", move |state| {
            if state.ledger.shards_counted.insert(shard) {
                let tally = state.ledger.tallies.entry(message).or_default();
                tally.merge(&Tally::of_page(devices, covers));
            } else {
                state.coverage.hit("count", "a shard is counted once");
            }
            Ok(())
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
        self.call("claim a delivery", move |state| {
            let forgets = state.weakness;
            let row = state.ledger.rows.entry((message, device));
            let row = row.or_insert_with(|| Delivery::new(message, device, channel));
            let claimed = match (forgets, row.claim(now)) {
                (Weakness::ClaimForgets, Claimed::Taken)
                | (Weakness::ClaimOfEnded, Claimed::Ended)
                | (Weakness::ClaimWithoutPast, Claimed::Granted { .. }) => Claimed::Granted { asked_before: false },
                (_, claimed) => claimed,
            };
            let name = match claimed {
                Claimed::Granted { asked_before: false } => "granted",
                Claimed::Granted { asked_before: true } => "granted to the next, who does not know what the last did",
                Claimed::Taken => "taken",
                Claimed::Ended => "ended",
            };
            state.coverage.hit("claim", name);
            state.trace(|| format!("  claim {message} for {device}: {name}"));
            Ok(claimed)
        })
        .await
    }

    async fn release_claim(&self, message: MessageId, device: DeviceId) -> Result<()> {
        self.call("release a claim", move |state| {
            if let Some(row) = state.ledger.rows.get_mut(&(message, device)) {
                row.release_claim();
            }
            Ok(())
        })
        .await
    }

    async fn tally(&self, message: MessageId) -> Result<Tally> {
        self.call("read numbers", move |state| Ok(state.ledger.tallies.get(&message).cloned().unwrap_or_default()))
            .await
    }

    async fn delivery(&self, message: MessageId, device: DeviceId) -> Result<Option<Delivery>> {
        self.call("read a delivery", move |state| Ok(state.ledger.rows.get(&(message, device)).cloned())).await
    }

    async fn deliveries(&self, message: MessageId, after: Option<DeviceId>, limit: usize) -> Result<Vec<Delivery>> {
        self.call("list deliveries", move |state| {
            let of_message = state.ledger.rows.iter().filter(|((of, _), _)| *of == message);
            let rest = of_message.filter(|((_, device), _)| after.is_none_or(|after| *device > after));
            Ok(rest.map(|(_, row)| row.clone()).take(limit).collect())
        })
        .await
    }
}

impl Statistics for Weak {
    async fn add_statistics(&self, batch: BatchId, app: &AppId, changes: Vec<(Period, Tally)>) -> Result<()> {
        let app = app.clone();
        self.call("add to the figures", move |state| {
            if state.ledger.statistics_counted.insert((batch, app.clone())) {
                for (period, tally) in &changes {
                    state.ledger.statistics.entry((app.clone(), *period)).or_default().merge(tally);
                }
            }
            Ok(())
        })
        .await
    }

    async fn statistics(
        &self,
        app: &AppId,
        granularity: Granularity,
        from: UnixMillis,
        until: UnixMillis,
    ) -> Result<Vec<(Period, Tally)>> {
        let app = app.clone();
        self.call("read the figures", move |state| {
            let wanted = |of: &AppId, period: &Period| {
                *of == app && period.granularity == granularity && from <= period.start && period.start < until
            };
            let found = state.ledger.statistics.iter().filter(|((of, period), _)| wanted(of, period));
            Ok(found.map(|((_, period), tally)| (*period, tally.clone())).collect())
        })
        .await
    }
}
