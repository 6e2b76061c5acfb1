//! The options of a message as attributes of its row.

use homing_domain::{DeliveryPolicy, Millis, Options, QuietHoursPolicy};

use crate::item::{Damaged, ItemReader, ItemWriter};

/// The values of `po`. Never changed, never given out again.
const ONLINE_FIRST: u8 = 1;
const OWN_ONLY: u8 = 2;
const VENDOR_ONLY: u8 = 3;
const FALLBACK: u8 = 4;

pub(super) fn write(row: ItemWriter, options: &Options) -> ItemWriter {
    write_delivery(row, options.delivery)
        .with("tt", options.ttl_seconds)
        .with("pr", options.priority)
        .with_some("ck", options.collapse_key.clone())
        .with_some("rp", options.rate_per_second)
        .with_some("to", options.topic.clone())
        .with_some("qh", (options.quiet_hours != QuietHoursPolicy::Hold).then_some(options.quiet_hours))
        .with_some("sy", options.sync_read.then_some(true))
        .with_some("si", options.silent.then_some(true))
}

/// Nothing for the default, which is what earlier releases knew.
fn write_delivery(row: ItemWriter, delivery: DeliveryPolicy) -> ItemWriter {
    let (policy, fallback_after) = match delivery {
        _ if delivery == DeliveryPolicy::default() => return row,
        DeliveryPolicy::OnlineFirst { fallback_after } => (ONLINE_FIRST, Some(fallback_after)),
        DeliveryPolicy::OwnOnly => (OWN_ONLY, None),
        DeliveryPolicy::VendorOnly => (VENDOR_ONLY, None),
        DeliveryPolicy::Fallback { fallback_after } => (FALLBACK, Some(fallback_after)),
    };
    row.with("po", policy).with_some("fb", fallback_after)
}

fn read_delivery(row: &mut ItemReader) -> Result<DeliveryPolicy, Damaged> {
    let fallback_after: Option<Millis> = row.take_some("fb")?;
    match (row.take_some("po")?, fallback_after) {
        (None, None) => Ok(DeliveryPolicy::default()),
        (Some(ONLINE_FIRST), Some(fallback_after)) => Ok(DeliveryPolicy::OnlineFirst { fallback_after }),
        (Some(OWN_ONLY), None) => Ok(DeliveryPolicy::OwnOnly),
        (Some(VENDOR_ONLY), None) => Ok(DeliveryPolicy::VendorOnly),
        (Some(FALLBACK), Some(fallback_after)) => Ok(DeliveryPolicy::Fallback { fallback_after }),
        _ => Err(row.damaged("po")),
    }
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
        delivery: read_delivery(row)?,
    })
}
