//! What figures and history need to know of the devices that a batch is about: looked up once per batch, and kept in the rows
//! that it changes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use homing_domain::{AppId, Device, DeviceId, DeviceSnapshot, Receipt, Snapshots, UnixMillis, VersionLabel};
use homing_ports::{Devices, Ledger, Result};

/// Versions of apps whose names are remembered: 32 of each of 128 busy apps; about 60 B each. A name that was given never
/// changes, and one that was refused stays refused while its app's list is full.
const REMEMBERED_MAX: usize = 4_096;

/// Looks devices up, and remembers the names of versions.
#[derive(Debug, Default)]
pub(crate) struct AboutDevices(Mutex<HashMap<(AppId, VersionLabel), VersionLabel>>);

impl AboutDevices {
    /// What is known of the devices of these receipts. Who is not in the directory is not in the answer: figures still count
    /// such a delivery by its channel.
    pub(crate) async fn of<P: Devices + Ledger>(&self, ports: &P, receipts: &[Receipt]) -> Result<Snapshots> {
        let mut first_at = HashMap::<DeviceId, UnixMillis>::new();
        for receipt in receipts {
            first_at.entry(receipt.device).and_modify(|at| *at = (*at).min(receipt.at)).or_insert(receipt.at);
        }
        let mut ids: Vec<_> = first_at.keys().copied().collect();
        ids.sort_unstable();
        let mut about = Snapshots::with_capacity(ids.len());
        for device in ports.devices(ids).await?.into_iter().flatten() {
            let version = self.version(ports, &device).await?;
            let Some(since) = first_at.get(&device.id).copied() else { continue };
            let Device { id, app, user, profile, .. } = device;
            about.insert(id, DeviceSnapshot { app, user, platform: profile.platform, version, since });
        }
        Ok(about)
    }

    async fn version<P: Ledger>(&self, ports: &P, device: &Device) -> Result<VersionLabel> {
        let Some(version) = device.profile.app_version.as_deref() else { return Ok(VersionLabel::UNKNOWN) };
        let version = VersionLabel::new(version);
        if [VersionLabel::OTHER, VersionLabel::UNKNOWN].contains(&version) {
            return Ok(version);
        }
        let key = (device.app.clone(), version);
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(*known);
        }
        let label = ports.version_label(&device.app, version).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(key, label);
        Ok(label)
    }
}
