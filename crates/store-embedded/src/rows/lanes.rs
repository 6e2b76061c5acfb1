//! Which way broadcasts took to a device, as rows.

use homing_domain::{Lane, LaneChange, Preferences, UnixMillis, VendorToken};

use super::Wrong;
use super::code::Code;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LanesRow {
    #[prost(message, repeated, tag = "1")]
    changes: Vec<LaneChangeRow>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LaneChangeRow {
    #[prost(uint64, tag = "1")]
    at: u64,
    #[prost(uint32, tag = "2")]
    to: u32,
}

/// What a row without lanes means: the releases before feeds noted none, and what they knew of the device decides for all
/// times.
fn unnoted(vendor: Option<&VendorToken>, preferences: &Preferences) -> Vec<LaneChange> {
    let needs_pages = vendor.is_some() || preferences.quiet_hours.is_some();
    needs_pages.then_some(LaneChange { at: UnixMillis(0), to: Lane::Pages }).into_iter().collect()
}

/// None for what its absence means.
pub(super) fn lanes_row(
    lanes: &[LaneChange],
    vendor: Option<&VendorToken>,
    preferences: &Preferences,
) -> Option<LanesRow> {
    let row = |change: &LaneChange| LaneChangeRow { at: change.at.0, to: change.to.code() };
    (lanes != unnoted(vendor, preferences)).then(|| LanesRow { changes: lanes.iter().map(row).collect() })
}

pub(super) fn lanes(
    row: Option<LanesRow>,
    vendor: Option<&VendorToken>,
    preferences: &Preferences,
) -> Result<Vec<LaneChange>, Wrong> {
    let Some(row) = row else { return Ok(unnoted(vendor, preferences)) };
    let change = |row: LaneChangeRow| Ok(LaneChange { at: UnixMillis(row.at), to: Lane::from_code(row.to)? });
    row.changes.into_iter().map(change).collect()
}
