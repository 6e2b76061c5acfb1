//! Links that do nothing: what they cost to make, and what they hold.

use std::time::Duration;

use anyhow::Result;

use super::crowd::Crowd;
use super::report::{Report, count};
use super::target::{Target, started};
use crate::arguments::BenchArguments;
use crate::process::{KernelMemory, Usage};

/// After the last handshake, until timers and allocators have settled.
const SETTLE: Duration = Duration::from_secs(4);

/// Links the crowd and measures it at rest.
pub(super) async fn measure(target: &Target, arguments: &BenchArguments, report: &mut Report) -> Result<Crowd> {
    let began = started();
    let registered = target.register(arguments.devices).await?;
    let devices = f64::from(arguments.devices);
    report.add("register", "registrations", devices / began.elapsed().as_secs_f64(), "/s");

    let (before, kernel_before, began) = (target.usage()?, KernelMemory::now()?, started());
    let crowd = Crowd::link(target, registered, arguments).await?;
    let seconds = began.elapsed().as_secs_f64();
    let cpu = target.cpu_since(before, devices)?;
    report.add("links", "links held", devices, "");
    report.add("links", "handshakes with takeover", devices / seconds, "/s");
    report.add("links", "server CPU per handshake with takeover", cpu, "µs");

    tokio::time::sleep(SETTLE).await;
    let (after, kernel_after) = (target.usage()?, KernelMemory::now()?);
    let grown = |(before, after): (Usage, Usage)| count(after.resident.saturating_sub(before.resident));
    let resident = before.zip(after).map(|both| grown(both) / devices / 1_000.0);
    let slab = count(kernel_after.slab.saturating_sub(kernel_before.slab)) / devices;
    let buffers = count(kernel_after.socket_buffers.saturating_sub(kernel_before.socket_buffers)) / devices;
    report.add("idle", "server memory per link (RSS)", resident, "kB");
    report.add("idle", "kernel slab per link, both ends", slab / 1_000.0, "kB");
    report.add("idle", "socket buffers per link, both ends", buffers / 1_000.0, "kB");
    Ok(crowd)
}
