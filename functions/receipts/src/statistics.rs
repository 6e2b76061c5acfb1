//! What a batch changed, as figures of apps by minute, hour and day.

use std::collections::{BTreeMap, HashMap};

use homing_domain::{AppId, BatchId, Delivery, FeedCounts, Granularity, MessageId, Millis, Period, Tally, UnixMillis};
use homing_ports::{Messages, Result, Statistics};

/// Figures by the minute take what happened this long ago. They are for the live view: what a device reports after a day
/// without a link goes into hours and days. And a batch then adds to 17 minutes at most.
const MINUTES_TAKE_FOR: Millis = 16 * 60_000;
/// Figures by the hour take what happened this long ago: 48 more periods at most.
const HOURS_TAKE_FOR: Millis = 47 * 3_600_000;
/// Figures by the day take what happened this long ago: 31 more. What is older, or lies ahead, has a wrong clock, and counts as of
/// the present.
const DAYS_TAKE_FOR: Millis = 30 * 24 * 3_600_000;

type Series = BTreeMap<AppId, BTreeMap<Period, Tally>>;

/// Adds what the batch changed in these rows, once however often it is told.
pub(crate) async fn add<P: Messages + Statistics>(
    ports: &P,
    batch: BatchId,
    rows: &[Delivery],
    now: UnixMillis,
) -> Result<()> {
    let mut apps = HashMap::new();
    let mut series = Series::new();
    for row in rows {
        let mut changes = Vec::new();
        row.changes(batch, |at, counter, by| changes.push((at, counter, by)));
        if changes.is_empty() {
            continue;
        }
        let known = row.about.as_ref().map(|about| about.app.clone());
        let Some(app) = (match known {
            Some(app) => Some(app),
            None => app_of(ports, row.message, &mut apps).await?,
        }) else {
            continue;
        };
        let periods = series.entry(app).or_default();
        for (at, counter, by) in changes {
            for period in periods_of(at, now) {
                periods.entry(period).or_default().add(counter, by);
            }
        }
    }
    write(ports, batch, series).await
}

/// Adds what a gateway counted of broadcasts that came by a feed, as of the present.
pub(crate) async fn add_feed_counts<P: Messages + Statistics>(
    ports: &P,
    counts: &FeedCounts,
    now: UnixMillis,
) -> Result<()> {
    let mut apps = HashMap::new();
    let mut series = Series::new();
    for (message, tally) in &counts.changes {
        let Some(app) = app_of(ports, *message, &mut apps).await? else { continue };
        let periods = series.entry(app).or_default();
        for period in periods_of(now, now) {
            periods.entry(period).or_default().merge(tally);
        }
    }
    write(ports, counts.id, series).await
}

async fn write<P: Statistics>(ports: &P, batch: BatchId, series: Series) -> Result<()> {
    for (app, periods) in series {
        let changes: Vec<_> = periods.into_iter().filter(|(_, tally)| !tally.is_empty()).collect();
        if !changes.is_empty() {
            ports.add_statistics(batch, &app, changes).await?;
        }
    }
    Ok(())
}

/// Whose message it is. Nobody's, once it is deleted.
async fn app_of<P: Messages>(
    ports: &P,
    message: MessageId,
    apps: &mut HashMap<MessageId, Option<AppId>>,
) -> Result<Option<AppId>> {
    if let Some(app) = apps.get(&message) {
        return Ok(app.clone());
    }
    let app = ports.message(message).await?.map(|message| message.app);
    apps.insert(message, app.clone());
    Ok(app)
}

/// The periods that a moment counts in.
fn periods_of(at: UnixMillis, now: UnixMillis) -> impl Iterator<Item = Period> {
    let at = if at > now || now.since(at) > DAYS_TAKE_FOR { now } else { at };
    let takes = move |granularity: &Granularity| {
        let takes_for = match granularity {
            Granularity::Minute => MINUTES_TAKE_FOR,
            Granularity::Hour => HOURS_TAKE_FOR,
            Granularity::Day => DAYS_TAKE_FOR,
        };
        now.since(at) <= takes_for
    };
    Granularity::ALL.into_iter().filter(takes).map(move |granularity| Period::of(granularity, at))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use homing_domain::limits::STATISTICS_PERIODS_PER_BATCH;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn granularities(at: UnixMillis) -> Vec<Granularity> {
        periods_of(at, NOW).map(|period| period.granularity).collect()
    }

    #[test]
    fn what_is_late_counts_in_the_longer_periods() {
        assert_eq!(granularities(NOW), Granularity::ALL);
        assert_eq!(granularities(NOW.minus(MINUTES_TAKE_FOR + 1)), [Granularity::Hour, Granularity::Day]);
        assert_eq!(granularities(NOW.minus(HOURS_TAKE_FOR + 1)), [Granularity::Day]);
        for wrong in [NOW.plus(1), NOW.minus(DAYS_TAKE_FOR + 1)] {
            assert!(periods_of(wrong, NOW).eq(periods_of(NOW, NOW)), "a clock that is wrong");
        }
    }

    #[test]
    fn no_batch_outgrows_a_transaction() {
        let every_minute = (0..=DAYS_TAKE_FOR / 60_000).map(|minute| NOW.minus(minute * 60_000));
        let periods: BTreeSet<_> = every_minute.flat_map(|at| periods_of(at, NOW)).collect();
        assert!(periods.len() <= STATISTICS_PERIODS_PER_BATCH, "{}", periods.len());
        assert!(periods.len() > 90);
    }
}
