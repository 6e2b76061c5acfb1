//! The directory of devices with its two indexes, which change together with it.

use homing_domain::{AppId, Device, DeviceId, UnixMillis, UserId};
use homing_ports::{Created, Devices, Replaced, Result};

use crate::EmbeddedStore;
use crate::committer::View;
use crate::error::{StoreError, StoreResult};
use crate::table::{Key, Table};

/// Length of an id inside a key.
const ID_BYTES: usize = 16;

fn key(id: &DeviceId) -> Key {
    Key::of(Table::Devices).device(id)
}

fn by_app(app: &AppId, id: &DeviceId) -> Key {
    Key::of(Table::DevicesByApp).app(app).device(id)
}

fn by_user(device: &Device) -> Option<Key> {
    let user = device.user.as_ref()?;
    let prefix = Key::of(Table::DevicesByUser).app(&device.app).user(user);
    Some(prefix.time_descending(device.updated_at).device(&device.id))
}

/// The id at the end of an index key.
fn device_at_end(table: Table, key: &[u8]) -> StoreResult<DeviceId> {
    key.len()
        .checked_sub(ID_BYTES)
        .and_then(|at| key.get(at..))
        .and_then(DeviceId::from_slice)
        .ok_or(StoreError::Damaged { table, what: "a key without a device" })
}

fn remove_from_indexes(view: &mut View<'_>, device: &Device) {
    view.delete(by_app(&device.app, &device.id));
    if let Some(key) = by_user(device) {
        view.delete(key);
    }
}

fn put(view: &mut View<'_>, device: &Device) {
    view.put_noun(key(&device.id), device);
    view.put_mark(by_app(&device.app, &device.id));
    if let Some(key) = by_user(device) {
        view.put_mark(key);
    }
}

impl Devices for EmbeddedStore {
    async fn create_device(&self, device: Device) -> Result<Created> {
        self.commit("create the device", move |view| {
            if view.contains(&key(&device.id))? {
                return Ok(Created::Exists);
            }
            put(view, &device);
            Ok(Created::New)
        })
        .await
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.engine().noun(&key(id)).map_err(|error| error.in_port("read the device"))
    }

    async fn devices(&self, ids: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        self.read_pages("read devices", move |engine| ids.iter().map(|id| engine.noun(&key(id))).collect()).await
    }

    async fn touch_device(&self, id: &DeviceId, seen_at: UnixMillis) -> Result<()> {
        let key = key(id);
        self.commit("note that the device was seen", move |view| {
            if let Some(stored) = view.noun::<Device>(&key)? {
                view.put_noun(key, &Device { seen_at, ..stored });
            }
            Ok(())
        })
        .await
    }

    async fn replace_device(&self, device: Device) -> Result<Replaced> {
        self.commit("replace the device", move |view| match view.noun::<Device>(&key(&device.id))? {
            Some(stored) if Some(stored.revision) == device.revision.checked_sub(1) => {
                remove_from_indexes(view, &stored);
                put(view, &device);
                Ok(Replaced::Done)
            }
            Some(_) | None => Ok(Replaced::Changed),
        })
        .await
    }

    async fn delete_device(&self, id: &DeviceId) -> Result<()> {
        let key = key(id);
        self.commit("delete the device", move |view| {
            if let Some(stored) = view.noun::<Device>(&key)? {
                remove_from_indexes(view, &stored);
                view.delete(key);
            }
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
        let prefix = Key::of(Table::DevicesByApp).app(app);
        // A segment is the top six bits of the id's first byte: four neighbouring first bytes.
        let first = prefix.clone().byte(segment << 2);
        let end = prefix.clone().byte((segment << 2) | 0b11).after_all();
        let start = match after {
            Some(after) => by_app(app, &after).next().max(first.bytes),
            None => first.bytes,
        };
        self.read_pages("list the devices of the app", move |engine| {
            let mut devices = Vec::new();
            for row in engine.scan(&prefix, Some(start)) {
                let (index_key, _) = row?;
                if devices.len() >= limit || index_key[..] >= end[..] {
                    break;
                }
                // The index and the directory are read at two moments: a device may have gone in between.
                devices.extend(engine.noun::<Device>(&key(&device_at_end(prefix.table, &index_key)?))?);
            }
            Ok(devices)
        })
        .await
    }

    async fn devices_of_user(&self, app: &AppId, user: &UserId, limit: usize) -> Result<Vec<DeviceId>> {
        let prefix = Key::of(Table::DevicesByUser).app(app).user(user);
        self.read_pages("list the devices of the user", move |engine| {
            let page = engine.page(&prefix, None, limit)?;
            page.iter().map(|(key, _)| device_at_end(prefix.table, key)).collect()
        })
        .await
    }
}
