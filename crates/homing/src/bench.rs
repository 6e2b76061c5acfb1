//! `homing bench`: measures a server process from outside with simulated devices.
//!
//! The load comes from this process, the server is a child, so that its memory and processor time are its own. Everything
//! is bounded by the command line: devices, seconds, requests in flight.

mod accept;
mod crowd;
mod directed;
mod disk;
mod dispatch;
mod fan_out;
mod idle;
mod priority;
mod reopen;
mod report;
mod target;

use anyhow::Result;

use crate::arguments::{BenchArguments, BenchProfile};
use report::Report;

/// Runs the measurements and prints their figures.
///
/// # Errors
/// In words for the person at the terminal.
pub async fn run(arguments: BenchArguments) -> Result<()> {
    let mut report = Report::new(arguments.json);
    let wanted = |profile| arguments.profile == profile || arguments.profile == BenchProfile::All;
    let with_links =
        [BenchProfile::Idle, BenchProfile::Directed, BenchProfile::Fanout, BenchProfile::Priority].map(wanted);
    if with_links.contains(&true) {
        let target = target::Target::start(&arguments).await?;
        let crowd = idle::measure(&target, &arguments, &mut report).await?;
        if wanted(BenchProfile::Directed) {
            directed::measure(&target, &crowd, &arguments, &mut report).await?;
        }
        if wanted(BenchProfile::Fanout) {
            fan_out::measure(&target, &crowd, &arguments, &mut report).await?;
        }
        if wanted(BenchProfile::Priority) {
            priority::measure(&target, &crowd, &arguments, &mut report).await?;
        }
        crowd.leave().await;
        target.stop().await?;
    }
    if wanted(BenchProfile::Accept) {
        accept::measure(&arguments, &mut report).await?;
    }
    // Its devices are others', and it takes minutes: only on demand.
    if arguments.profile == BenchProfile::Dispatch {
        dispatch::measure(&arguments, &mut report).await?;
    }
    let own_server = arguments.server.is_none();
    if arguments.profile == BenchProfile::Reopen || (own_server && wanted(BenchProfile::Reopen)) {
        reopen::measure(&arguments, &mut report).await?;
    }
    report.print()
}
