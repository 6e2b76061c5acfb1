//! How long a server needs to come back after SIGKILL with many pending entries.

use std::time::Duration;

use anyhow::Result;
use homing_contract::http::v1::AudienceRequest;
use homing_domain::limits::MAILBOX_MAX_ENTRIES;

use super::report::{Report, count};
use super::target::{Target, now_micros, started};
use crate::arguments::BenchArguments;

/// Offline devices at least: with fewer, one push to all would be too small a page.
const DEVICES_MIN: u64 = 256;
/// Of a mailbox's places, those that are filled: the last ones are for the way between two looks.
const FILLED: u64 = MAILBOX_MAX_ENTRIES as u64 - 4;
/// Until the workers have emptied their queues.
const QUIET: Duration = Duration::from_secs(2);

/// Measures.
pub(super) async fn measure(arguments: &BenchArguments, report: &mut Report) -> Result<()> {
    let mut target = Target::start(arguments).await?;
    let devices = arguments.pending.div_ceil(FILLED).max(DEVICES_MIN).min(arguments.pending);
    target.register(u32::try_from(devices)?).await?;
    let pushes = arguments.pending.div_ceil(devices);
    for _ in 0..pushes {
        target.push(AudienceRequest::all(), now_micros()).await?;
    }
    quiet(&target).await?;
    let size = directory_bytes(&target.command.data_dir)?;
    target.process.kill().await?;
    let began = started();
    target.process = target.command.start().await?;
    report.add("reopen", "pending mailbox entries", count(pushes * devices), "");
    report.add("reopen", "data directory", count(size) / 1e6, "MB");
    report.add("reopen", "from SIGKILL to ready again", began.elapsed().as_secs_f64(), "s");
    report.add("reopen", "memory after it (RSS)", count(target.process.usage()?.resident) / 1e6, "MB");
    target.stop().await
}

/// Waits until the server does nothing any more: its processor time stands still.
async fn quiet(target: &Target) -> Result<()> {
    let mut before = target.process.usage()?.cpu_micros;
    loop {
        tokio::time::sleep(QUIET).await;
        let now = target.process.usage()?.cpu_micros;
        // Timers and leases take a few ticks.
        if now - before < 100_000 {
            return Ok(());
        }
        before = now;
    }
}

fn directory_bytes(path: &std::path::Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { directory_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
