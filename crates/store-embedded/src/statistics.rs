//! The figures of apps: a row per app and period, and the memory of what was added.

use homing_domain::limits::{HISTORY_KEPT_FOR, STATISTICS_MAX_PERIODS};
use homing_domain::{AppId, BatchId, Granularity, Period, Tally, UnixMillis};
use homing_ports::{Result, Statistics};

use crate::EmbeddedStore;
use crate::rows;
use crate::sweep::Aged;
use crate::table::{Key, Table};

fn series_of(app: &AppId, granularity: Granularity) -> Key {
    Key::of(Table::Statistics).app(app).granularity(granularity)
}

pub(crate) fn key(app: &AppId, period: Period) -> Key {
    series_of(app, period.granularity).time(period.start)
}

pub(crate) fn mark(app: &AppId, batch: &BatchId) -> Key {
    Key::of(Table::StatisticsCounted).app(app).raw(batch.as_bytes())
}

/// When a sweep must take a thing for old that is kept until then.
fn aging_since(kept_until: UnixMillis) -> UnixMillis {
    kept_until.minus(HISTORY_KEPT_FOR)
}

impl Statistics for EmbeddedStore {
    async fn add_statistics(&self, batch: BatchId, app: &AppId, changes: Vec<(Period, Tally)>) -> Result<()> {
        let (app, now) = (app.clone(), self.shared.clock.now());
        self.commit("add to the figures", move |view| {
            let mark = mark(&app, &batch);
            if view.contains(&mark)? {
                return Ok(());
            }
            view.put_mark(mark);
            view.put_mark(Aged::StatisticsBatch(app.clone(), batch).key(now));
            for (period, change) in changes {
                let key = key(&app, period);
                let stored = view.noun::<Tally>(&key)?;
                if stored.is_none() {
                    view.put_mark(Aged::Period(app.clone(), period).key(aging_since(period.kept_until())));
                }
                let mut tally = stored.unwrap_or_default();
                tally.merge(&change);
                view.put_noun(key, &tally);
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
        let series = series_of(app, granularity);
        let start = series.clone().time(from).bytes;
        self.read_pages("read the figures", move |engine| {
            let mut found = Vec::new();
            for (key, value) in engine.page(&series, Some(start), STATISTICS_MAX_PERIODS)? {
                let Some(start) = key.last_chunk().map(|start| UnixMillis(u64::from_be_bytes(*start))) else { break };
                if start >= until {
                    break;
                }
                found.push((Period { granularity, start }, rows::read(Table::Statistics, value)?));
            }
            Ok(found)
        })
        .await
    }
}
