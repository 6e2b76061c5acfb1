//! The directory. Its index of users lags: for a while it may answer what was true before.

use std::collections::BTreeMap;

use homing_domain::{AppId, Device, DeviceId, UnixMillis, UserId};
use homing_ports::{Created, Devices, Replaced, Result};

use super::{Weak, Weakness};

/// How long the index of users may lag.
const INDEX_LAG: u64 = 2_000;

/// The directory.
#[derive(Debug, Default)]
pub struct DeviceState {
    /// Rows.
    pub rows: BTreeMap<DeviceId, Device>,
    /// Whom each device was bound to before its last change, and when that was.
    before: BTreeMap<DeviceId, (Option<UserId>, UnixMillis)>,
}

impl Devices for Weak {
    async fn create_device(&self, device: Device) -> Result<Created> {
        self.call("create a device", move |state| {
            if state.devices.rows.contains_key(&device.id) {
                return Ok(Created::Exists);
            }
            state.devices.rows.insert(device.id, device);
            Ok(Created::New)
        })
        .await
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        let id = *id;
        self.call("read a device", move |state| Ok(state.devices.rows.get(&id).cloned())).await
    }

    async fn devices(&self, ids: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        self.call("read devices", move |state| {
            let mut rows: Vec<_> = ids.iter().map(|id| state.devices.rows.get(id).cloned()).collect();
            if state.weakness == Weakness::UserSinceHidden {
                rows.iter_mut().flatten().for_each(|row| row.user_since = None);
            }
            Ok(rows)
        })
        .await
    }

    async fn touch_device(&self, id: &DeviceId, seen_at: UnixMillis) -> Result<()> {
        let id = *id;
        self.call("touch a device", move |state| {
            if let Some(device) = state.devices.rows.get_mut(&id) {
                device.seen_at = seen_at;
            }
            Ok(())
        })
        .await
    }

    async fn replace_device(&self, device: Device) -> Result<Replaced> {
        self.call("replace a device", move |state| {
            let Some(stored) = state.devices.rows.get(&device.id) else { return Ok(Replaced::Changed) };
            if stored.revision + 1 != device.revision {
                state.coverage.hit("directory", "revision changed");
                return Ok(Replaced::Changed);
            }
            let stored = stored.clone();
            state.check_token_of(&stored, &device);
            let before = (stored.user, state.now);
            state.devices.before.insert(device.id, before);
            state.devices.rows.insert(device.id, device);
            Ok(Replaced::Done)
        })
        .await
    }

    async fn delete_device(&self, id: &DeviceId) -> Result<()> {
        let id = *id;
        self.call("delete a device", move |state| {
            state.devices.rows.remove(&id);
            Ok(())
        })
        .await
    }

    async fn devices_of_app(
        &self,
        app: &AppId,
        segment: u8,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Vec<Device>> {
        let app = app.clone();
        self.call("list devices", move |state| {
            let of_app = state.devices.rows.values().filter(|device| device.app == app);
            let of_segment = of_app.filter(|device| Device::segment(&device.id) == segment);
            let rest = of_segment.filter(|device| after.is_none_or(|after| device.id > after));
            Ok(rest.take(limit).cloned().collect())
        })
        .await
    }

    async fn devices_of_user(&self, app: &AppId, user: &UserId, limit: usize) -> Result<Vec<DeviceId>> {
        let (app, user) = (app.clone(), user.clone());
        self.call("list devices of a user", move |state| {
            let chance = state.faults.stale;
            let stale = state.strikes(chance, "index lags");
            let now = state.now;
            let mut devices: Vec<_> = state
                .devices
                .rows
                .values()
                .filter(|device| device.app == app)
                .filter(|device| match state.devices.before.get(&device.id) {
                    Some((before, at)) if stale && now.since(*at) < INDEX_LAG => before.as_ref() == Some(&user),
                    _ => device.user.as_ref() == Some(&user),
                })
                .collect();
            devices.sort_by_key(|device| std::cmp::Reverse((device.updated_at, device.id)));
            Ok(devices.into_iter().map(|device| device.id).take(limit).collect())
        })
        .await
    }
}
