//! What the disk itself can do: append and sync in a loop, in the same run as the store that stands on it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::report::{Report, count};
use super::target::started;

/// Each loop runs this long.
const FOR: Duration = Duration::from_secs(2);
/// About what one accepted message is on disk.
const RECORD: [u8; 512] = [0x5A; 512];
/// Records of one group, as many as the store commits at once at most.
const GROUP: u64 = 256;

/// Measures the disk under `directory`.
pub(super) fn measure(directory: &Path, report: &mut Report) -> Result<()> {
    for (name, group) in [("raw append + sync, one record each", 1), ("raw append + sync, 256 records each", GROUP)] {
        let path = directory.join("homing-bench-raw");
        let mut file = File::create(&path)?;
        let began = started();
        let mut records = 0;
        while began.elapsed() < FOR {
            let buffer = RECORD.repeat(usize::try_from(group)?);
            file.write_all(&buffer)?;
            file.sync_data()?;
            records += group;
        }
        report.add("accept", name, count(records) / began.elapsed().as_secs_f64(), "records/s");
        std::fs::remove_file(path)?;
    }
    Ok(())
}
