//! Pushes to one device each, at a fixed rate: what one costs, and how long it takes from being due to the device.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use homing_contract::http::v1::{AudienceRequest, PriorityName};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;

use super::crowd::Crowd;
use super::report::{Report, count};
use super::target::{Target, now_micros};
use crate::arguments::BenchArguments;

/// The clock that paces the load: at 1,000 pushes per second one every tick.
const TICK: Duration = Duration::from_millis(1);
/// What is still on its way after the load ends.
pub(super) const DRAIN_WITHIN: Duration = Duration::from_secs(30);

/// Measures.
pub(super) async fn measure(
    target: &Target,
    crowd: &Crowd,
    arguments: &BenchArguments,
    report: &mut Report,
) -> Result<()> {
    crowd.arrivals.take_times();
    let (arrived_before, before) = (crowd.arrivals.count(), target.usage()?);
    let failed = AtomicU64::new(0);
    let sent = pace(target, crowd, arguments, PriorityName::Normal, &failed).await;
    let accepted = sent - failed.load(Ordering::Acquire);
    let all = crowd.arrivals.reach(arrived_before + accepted, DRAIN_WITHIN).await;
    let arrived = crowd.arrivals.count() - arrived_before;
    let cpu = target.cpu_since(before, count(arrived.max(1)))?;
    let seconds = count(arguments.seconds);
    report.add("directed", "pushes offered", count(sent) / seconds, "/s");
    report.add("directed", "pushes not accepted", count(failed.load(Ordering::Acquire)), "");
    report.add("directed", "deliveries", count(arrived) / seconds, "/s");
    report.add("directed", "accepted but not arrived in time", count(if all { 0 } else { accepted - arrived }), "");
    report.add_times("directed", "due → device", &crowd.arrivals.take_times());
    report.add("directed", "server CPU per delivery, request included", cpu, "µs");
    Ok(())
}

/// Sends at the rate, whatever becomes of the earlier ones; the time stamp is the moment at which a push was due, so that
/// a server that stalls is not spared.
pub(super) async fn pace(
    target: &Target,
    crowd: &Crowd,
    arguments: &BenchArguments,
    priority: PriorityName,
    failed: &AtomicU64,
) -> u64 {
    let in_flight = Arc::new(Semaphore::new(arguments.in_flight as usize));
    let began = now_micros();
    let total = u64::from(arguments.rate) * arguments.seconds;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0;
    let pushes = futures_util::stream::FuturesUnordered::new();
    tokio::pin!(pushes);
    loop {
        let due = (now_micros() - began).saturating_mul(u64::from(arguments.rate)) / 1_000_000;
        while sent < due.min(total) {
            let Ok(place) = Arc::clone(&in_flight).try_acquire_owned() else { break };
            let due_at = began + sent * 1_000_000 / u64::from(arguments.rate);
            let device = crowd.ids[usize::try_from(sent).unwrap_or(0) * 7_919 % crowd.ids.len()].clone();
            pushes.push(async move {
                let pushed = target.push_with(AudienceRequest::devices([device]), due_at, priority).await;
                drop(place);
                pushed.is_ok()
            });
            sent += 1;
        }
        if sent == total && pushes.is_empty() {
            return sent;
        }
        tokio::select! {
            Some(accepted) = futures_util::StreamExt::next(&mut pushes), if !pushes.is_empty() => {
                if !accepted {
                    failed.fetch_add(1, Ordering::AcqRel);
                }
            }
            _ = ticks.tick() => {}
        }
    }
}
