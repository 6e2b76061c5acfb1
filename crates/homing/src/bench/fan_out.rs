//! Pushes to every device, one after the other, by each way that there is: what a delivery costs, when the last device has
//! it, and what the store has to write.

use std::time::Duration;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;

use super::crowd::Crowd;
use super::report::{Report, count};
use super::target::{Target, Way, now_micros, started};
use crate::arguments::BenchArguments;

/// At least so many rounds, however long one takes.
const ROUNDS_MIN: u32 = 3;
/// One round ends within this, or the measurement has failed.
const ROUND_WITHIN: Duration = Duration::from_secs(120);

/// Measures each way of a broadcast.
pub(super) async fn measure(
    target: &Target,
    crowd: &Crowd,
    arguments: &BenchArguments,
    report: &mut Report,
) -> Result<()> {
    for way in Way::ALL {
        measure_way(way, target, crowd, arguments, report).await?;
    }
    Ok(())
}

async fn measure_way(
    way: Way,
    target: &Target,
    crowd: &Crowd,
    arguments: &BenchArguments,
    report: &mut Report,
) -> Result<()> {
    target.quiet().await?;
    crowd.arrivals.take_times();
    let writes_before = target.store_writes().await;
    let (before, began) = (target.usage()?, started());
    let devices = crowd.ids.len() as u64;
    let mut last_device = Histogram::<u64>::new(3)?;
    let mut rounds = 0;
    while rounds < ROUNDS_MIN || began.elapsed() < Duration::from_secs(arguments.seconds) {
        let (due, wanted) = (now_micros(), crowd.arrivals.count() + devices);
        target.push_to_all(way, due).await?;
        if !crowd.arrivals.reach(wanted, ROUND_WITHIN).await {
            bail!("a push to all did not arrive everywhere within {} s", ROUND_WITHIN.as_secs());
        }
        last_device.record(now_micros() - due)?;
        rounds += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    let deliveries = devices * u64::from(rounds);
    // What is counted and trimmed afterwards is a part of it.
    target.quiet().await?;
    let cpu = target.cpu_since(before, count(deliveries))?;
    let writes = target.store_writes().await.zip(writes_before).map(|(after, before)| after - before);
    let name = way.name();
    report.add(name, "rounds", f64::from(rounds), "");
    report.add(name, "deliveries", count(deliveries) / seconds, "/s");
    report.add_times(name, "push → any device", &crowd.arrivals.take_times());
    report.add_times(name, "push → last device", &last_device);
    report.add(name, "server CPU per delivery", cpu, "µs");
    report.add(name, "deliveries per second and core", cpu.map(|cpu| 1e6 / cpu), "/s");
    report.add(name, "writes to the store per push", writes.map(|writes| writes / f64::from(rounds)), "");
    Ok(())
}
