//! One push to every device, one after the other: what a delivery costs, and when the last device has it.

use std::time::Duration;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use homing_contract::http::v1::AudienceRequest;

use super::crowd::Crowd;
use super::report::{Report, count};
use super::target::{Target, now_micros, started};
use crate::arguments::BenchArguments;

/// At least so many rounds, however long one takes.
const ROUNDS_MIN: u32 = 3;
/// One round ends within this, or the measurement has failed.
const ROUND_WITHIN: Duration = Duration::from_secs(120);

/// Measures.
pub(super) async fn measure(
    target: &Target,
    crowd: &Crowd,
    arguments: &BenchArguments,
    report: &mut Report,
) -> Result<()> {
    crowd.arrivals.take_times();
    let (before, began) = (target.usage()?, started());
    let devices = crowd.ids.len() as u64;
    let mut last_device = Histogram::<u64>::new(3)?;
    let mut rounds = 0;
    while rounds < ROUNDS_MIN || began.elapsed() < Duration::from_secs(arguments.seconds) {
        let (due, wanted) = (now_micros(), crowd.arrivals.count() + devices);
        target.push(AudienceRequest::all(), due).await?;
        if !crowd.arrivals.reach(wanted, ROUND_WITHIN).await {
            bail!("a push to all did not arrive everywhere within {} s", ROUND_WITHIN.as_secs());
        }
        last_device.record(now_micros() - due)?;
        rounds += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    let deliveries = devices * u64::from(rounds);
    let cpu = target.cpu_since(before, count(deliveries))?;
    report.add("fan-out", "rounds", f64::from(rounds), "");
    report.add("fan-out", "deliveries", count(deliveries) / seconds, "/s");
    report.add_times("fan-out", "push → any device", &crowd.arrivals.take_times());
    report.add_times("fan-out", "push → last device", &last_device);
    report.add("fan-out", "server CPU per delivery", cpu, "µs");
    report.add("fan-out", "deliveries per second and core", cpu.map(|cpu| 1e6 / cpu), "/s");
    Ok(())
}
