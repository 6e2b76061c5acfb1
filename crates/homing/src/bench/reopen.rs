//! How long a server needs to come back after SIGKILL with many pending entries.

use anyhow::{Result, bail};
use homing_domain::limits::MAILBOX_MAX_ENTRIES;

use super::report::{Report, count};
use super::target::{Server, Target, started};
use crate::arguments::BenchArguments;

/// Offline devices at least: with fewer, one push to all would be too small a page.
const DEVICES_MIN: u64 = 256;
/// Of a mailbox's places, those that are filled: the last ones are for the way between two looks.
const FILLED: u64 = MAILBOX_MAX_ENTRIES as u64 - 4;

/// Measures.
pub(super) async fn measure(arguments: &BenchArguments, report: &mut Report) -> Result<()> {
    let mut target = Target::start(arguments).await?;
    let devices = arguments.pending.div_ceil(FILLED).max(DEVICES_MIN).min(arguments.pending);
    target.register(u32::try_from(devices)?).await?;
    let pushes = arguments.pending.div_ceil(devices);
    for _ in 0..pushes {
        target.broadcast().await?;
    }
    target.quiet().await?;
    let Server::Child { command, process } = &mut target.server else { bail!("reopen needs a server of its own") };
    let size = directory_bytes(&command.data_dir)?;
    process.kill().await?;
    let began = started();
    **process = command.start().await?;
    report.add("reopen", "pending mailbox entries", count(pushes * devices), "");
    report.add("reopen", "data directory", count(size) / 1e6, "MB");
    report.add("reopen", "from SIGKILL to ready again", began.elapsed().as_secs_f64(), "s");
    report.add("reopen", "memory after it (RSS)", count(process.usage()?.resident) / 1e6, "MB");
    target.stop().await
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
