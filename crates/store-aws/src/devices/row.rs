//! Devices as items.
//!
//! | attribute | of the device |
//! |---|---|
//! | `id` `a` `us` | id, app, user |
//! | `pf` `br` `mo` `ov` `av` `lo` `tz` `ne` | profile: platform, brand, model, versions of system and app, locale, time zone, whether notifications are enabled |
//! | `vc` `vt` `vs` | vendor's channel, token, known since |
//! | `tg` | tags; missing when there are none |
//! | `ep` `ki` `cg` | epoch of the mailbox, fleet key, generation of the secret |
//! | `ca` `ua` `rv` | created at, updated at, revision |
//! | `uf` `se` | bound to its user since, seen at |
//! | `qs` `qe` `oo` | start and end of quiet hours; topics opted out of, missing when there are none |
//! | `ln` | changes of its lane, oldest first: when (8 bytes) and which (one); missing = what follows from the rest of the device, for all times |
//! | `sp` `ss` | key of the index `by_segment` |
//!
//! 300 to 500 bytes, with 32 tags of 64 bytes 2.5 KiB.

use homing_domain::{Device, DeviceProfile, Lane, LaneChange, Preferences, QuietHours, UnixMillis, VendorToken};

use crate::directory::{device_key, segment_of};
use crate::item::{Code as _, Damaged, Item, ItemReader, ItemWriter, Table, binary};
use crate::schema::DEVICES_BY_SEGMENT;

pub(super) fn write(device: &Device) -> Item {
    let (profile, preferences) = (&device.profile, &device.preferences);
    let vendor = device.vendor.as_ref();
    ItemWriter::of(device_key(&device.id))
        .with("id", device.id)
        .with("a", device.app.clone())
        .with_some("us", device.user.clone())
        .with("pf", profile.platform)
        .with_some("br", profile.brand.clone())
        .with_some("mo", profile.model.clone())
        .with_some("ov", profile.os_version.clone())
        .with_some("av", profile.app_version.clone())
        .with_some("lo", profile.locale.clone())
        .with_some("tz", profile.timezone.clone())
        .with("ne", profile.notifications_enabled)
        .with_some("vc", vendor.map(|vendor| vendor.channel.clone()))
        .with_some("vt", vendor.map(|vendor| vendor.token.clone()))
        .with_some("vs", vendor.map(|vendor| vendor.since))
        .with_some("tg", (!device.tags.is_empty()).then(|| device.tags.clone()))
        .with("ep", device.epoch)
        .with("ki", device.key_id)
        .with("cg", device.credential_generation)
        .with("ca", device.created_at)
        .with("ua", device.updated_at)
        .with("rv", device.revision)
        .with_some("uf", device.user_since)
        .with("se", device.seen_at)
        .with_some("qs", preferences.quiet_hours.map(|hours| hours.start))
        .with_some("qe", preferences.quiet_hours.map(|hours| hours.end))
        .with_some("oo", (!preferences.opted_out.is_empty()).then(|| preferences.opted_out.clone()))
        .with_some("ln", lanes_to_bytes(device))
        .with(DEVICES_BY_SEGMENT.partition, binary(segment_of(device)))
        .with(DEVICES_BY_SEGMENT.sort, device.id)
        .finish()
}

pub(super) fn read(item: Item) -> Result<Device, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    let vendor = match item.take_some("vc")? {
        Some(channel) => Some(VendorToken { channel, token: item.take("vt")?, since: item.take("vs")? }),
        None => None,
    };
    let quiet_hours = match item.take_some("qs")? {
        Some(start) => Some(QuietHours { start, end: item.take("qe")? }),
        None => None,
    };
    let updated_at = item.take("ua")?;
    let lanes = item.take_some("ln")?;
    let mut device = Device {
        id: item.take("id")?,
        app: item.take("a")?,
        profile: DeviceProfile {
            platform: item.take("pf")?,
            brand: item.take_some("br")?,
            model: item.take_some("mo")?,
            os_version: item.take_some("ov")?,
            app_version: item.take_some("av")?,
            locale: item.take_some("lo")?,
            timezone: item.take_some("tz")?,
            notifications_enabled: item.take("ne")?,
        },
        vendor,
        user: item.take_some("us")?,
        tags: item.take_some("tg")?.unwrap_or_default(),
        epoch: item.take("ep")?,
        key_id: item.take("ki")?,
        credential_generation: item.take("cg")?,
        created_at: item.take("ca")?,
        updated_at,
        revision: item.take("rv")?,
        user_since: item.take_some("uf")?,
        preferences: Preferences { quiet_hours, opted_out: item.take_some("oo")?.unwrap_or_default() },
        // Missing in rows of the first releases.
        seen_at: item.take_some("se")?.unwrap_or(updated_at),
        lanes: Vec::new(),
    };
    device.lanes = match lanes {
        Some(lanes) => lanes_of(lanes).ok_or_else(|| item.damaged("ln"))?,
        None => unnoted_lanes(&device),
    };
    Ok(device)
}

/// What an item without lanes means: the releases before feeds noted none, and what they knew of the device decides for all
/// times.
fn unnoted_lanes(device: &Device) -> Vec<LaneChange> {
    let needs_pages = device.vendor.is_some() || device.preferences.quiet_hours.is_some();
    needs_pages.then_some(LaneChange { at: UnixMillis(0), to: Lane::Pages }).into_iter().collect()
}

/// Nothing for what its absence means.
fn lanes_to_bytes(device: &Device) -> Option<Vec<[u8; 9]>> {
    let to_bytes = |change: &LaneChange| {
        let mut bytes = [change.to.code(); 9];
        bytes[..8].copy_from_slice(&change.at.0.to_be_bytes());
        bytes
    };
    (device.lanes != unnoted_lanes(device)).then(|| device.lanes.iter().map(to_bytes).collect())
}

fn lanes_of(changes: Vec<[u8; 9]>) -> Option<Vec<LaneChange>> {
    let change = |bytes: [u8; 9]| {
        let (at, to) = bytes.split_first_chunk::<8>()?;
        Some(LaneChange { at: UnixMillis(u64::from_be_bytes(*at)), to: Lane::from_code(*to.first()?)? })
    };
    changes.into_iter().map(change).collect()
}
