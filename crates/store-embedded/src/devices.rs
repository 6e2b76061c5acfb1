//! The directory of devices with its two indexes, which change together with it.

use homing_domain::{AppId, Device, DeviceId, UnixMillis, UserId};
use homing_ports::{Created, Devices, Replaced, Result};

use crate::EmbeddedStore;
use crate::committer::View;
use crate::engine::Engine;
use crate::error::{StoreError, StoreResult};
use crate::rows;
use crate::table::{Key, Table};

/// Length of an id inside a key.
const ID_BYTES: usize = 16;
/// Rows of other apps that a page passes over, for each device of it; beyond that it looks up one by one.
const PASSED_OVER_MAX: usize = 5;

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

/// The devices of these ids, which are in order; who is gone is left out. They are read in one go, for ids of one app stand
/// close together unless other apps have many more devices: a row that is passed over costs a tenth of one looked up.
fn stored(engine: &Engine, ids: &[DeviceId]) -> StoreResult<Vec<Device>> {
    let Some(first) = ids.first() else { return Ok(Vec::new()) };
    let mut passed_over = 0;
    let mut scan = engine.scan(&Key::of(Table::Devices), Some(key(first).bytes));
    let mut row = scan.next().transpose()?;
    let mut devices = Vec::with_capacity(ids.len());
    for id in ids {
        let wanted = key(id);
        while passed_over < ids.len() * PASSED_OVER_MAX
            && let Some((found, _)) = &row
            && found[..] < wanted.bytes[..]
        {
            passed_over += 1;
            row = scan.next().transpose()?;
        }
        match &row {
            Some((found, value)) if found[..] == wanted.bytes[..] => {
                devices.push(rows::read(Table::Devices, value.clone())?);
            }
            Some((found, _)) if found[..] < wanted.bytes[..] => devices.extend(engine.noun::<Device>(&wanted)?),
            Some(_) | None => {}
        }
    }
    Ok(devices)
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
        let (app, prefix) = (app.clone(), Key::of(Table::DevicesByApp).app(app));
        // A segment is the top six bits of the id's first byte: four neighbouring first bytes.
        let first = prefix.clone().byte(segment << 2);
        let end = prefix.clone().byte((segment << 2) | 0b11).after_all();
        let start = match after {
            Some(after) => by_app(&app, &after).next().max(first.bytes),
            None => first.bytes,
        };
        self.read_pages("list the devices of the app", move |engine| {
            let (mut devices, mut start) = (Vec::new(), start);
            // The index and the directory are read at two moments: a device may have gone in between.
            while devices.len() < limit {
                let page = engine.page(&prefix, Some(start), limit - devices.len())?;
                let in_segment = page.iter().map(|(key, _)| key).take_while(|key| key[..] < end[..]);
                let ids = in_segment.map(|key| device_at_end(prefix.table, key)).collect::<StoreResult<Vec<_>>>()?;
                let Some(last) = ids.last() else { break };
                start = by_app(&app, last).next();
                devices.extend(stored(engine, &ids)?);
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

#[cfg(test)]
mod tests;
