//! Whether a person waits because others are loud: urgent pushes to one device each, alone, beside broadcasts of the same
//! app, and beside another app's flood.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt as _, stream};
use homing_contract::http::v1::PriorityName;

use super::crowd::Crowd;
use super::directed::{DRAIN_WITHIN, pace};
use super::report::{Report, count};
use super::target::{OtherApp, Target};
use crate::arguments::BenchArguments;

/// Devices of the app that floods; each of their mailboxes fills up, as it does in a flood.
const DEVICES_OF_FLOOD: u32 = 1_000;
/// Requests of the flood in flight: as many as keep the server busy.
const FLOOD_IN_FLIGHT: usize = 64;
/// Between two broadcasts.
const BROADCAST_EVERY: Duration = Duration::from_millis(500);

/// Measures.
pub(super) async fn measure(
    target: &Target,
    crowd: &Crowd,
    arguments: &BenchArguments,
    report: &mut Report,
) -> Result<()> {
    urgent(target, crowd, arguments, report, "alone").await?;
    target.quiet().await?;
    tokio::select! {
        measured = urgent(target, crowd, arguments, report, "beside broadcasts") => measured?,
        sent = broadcasts(target) => sent?,
    }
    target.quiet().await?;
    let other = target.other_app(DEVICES_OF_FLOOD).await?;
    tokio::select! {
        measured = urgent(target, crowd, arguments, report, "beside another app's flood") => measured?,
        () = flood(target, &other) => {}
    }
    target.quiet().await
}

async fn urgent(
    target: &Target,
    crowd: &Crowd,
    arguments: &BenchArguments,
    report: &mut Report,
    beside: &str,
) -> Result<()> {
    crowd.arrivals.take_times();
    let before = crowd.arrivals.count();
    let failed = AtomicU64::new(0);
    let sent = pace(target, crowd, arguments, PriorityName::High, &failed).await;
    let accepted = sent - failed.load(Ordering::Acquire);
    let all = crowd.arrivals.reach(before + accepted, DRAIN_WITHIN).await;
    let arrived = crowd.arrivals.count() - before;
    report.add("priority", format!("{beside}: deliveries"), count(arrived) / count(arguments.seconds), "/s");
    if !all {
        report.add("priority", format!("{beside}: not arrived in time"), count(accepted - arrived), "");
    }
    report.add_times("priority", &format!("{beside}: due → device"), &crowd.arrivals.take_times());
    Ok(())
}

/// Until somebody stops waiting for it.
async fn broadcasts(target: &Target) -> Result<()> {
    let mut ticks = tokio::time::interval(BROADCAST_EVERY);
    loop {
        ticks.tick().await;
        target.broadcast().await?;
    }
}

/// Until somebody stops waiting for it. What is refused is part of a flood.
async fn flood(target: &Target, other: &OtherApp) {
    let pushes = stream::iter(0_usize..).map(|number| target.push_of(other, number));
    pushes.buffer_unordered(FLOOD_IN_FLIGHT).for_each(|_| async {}).await;
}
