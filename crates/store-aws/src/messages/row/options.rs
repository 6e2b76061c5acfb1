//! The options of a message as attributes of its row.

use homing_domain::{Options, QuietHoursPolicy};

use crate::item::{Damaged, ItemReader, ItemWriter};

pub(super) fn write(row: ItemWriter, options: &Options) -> ItemWriter {
    row.with("tt", options.ttl_seconds)
        .with("pr", options.priority)
        .with_some("ck", options.collapse_key.clone())
        .with_some("rp", options.rate_per_second)
        .with_some("to", options.topic.clone())
        .with_some("qh", (options.quiet_hours != QuietHoursPolicy::Hold).then_some(options.quiet_hours))
        .with_some("sy", options.sync_read.then_some(true))
        .with_some("si", options.silent.then_some(true))
}

pub(super) fn read(row: &mut ItemReader) -> Result<Options, Damaged> {
    Ok(Options {
        ttl_seconds: row.take("tt")?,
        priority: row.take("pr")?,
        collapse_key: row.take_some("ck")?,
        rate_per_second: row.take_some("rp")?,
        topic: row.take_some("to")?,
        quiet_hours: row.take_some("qh")?.unwrap_or_default(),
        sync_read: row.take_some("sy")?.unwrap_or_default(),
        silent: row.take_some("si")?.unwrap_or_default(),
    })
}
