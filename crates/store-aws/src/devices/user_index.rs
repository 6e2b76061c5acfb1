//! Which devices a user has: an item per device in the user's partition, with the time of the device's last change (`ua`).

use std::cmp::Reverse;

use homing_domain::{AppId, Device, DeviceId, UnixMillis, UserId};
use homing_ports::Result;

use crate::AwsStore;
use crate::directory::{call, user_partition};
use crate::expression::Expression;
use crate::item::{Item, ItemReader, ItemWriter, Table, binary, sorted_key};
use crate::one_item::{Call, Query};

/// Entries of one user that are looked at, 25 RRU. A user with more devices is a test account; which of them a push then
/// reaches is decided by their ids.
const READ_MAX: usize = 1_000;

/// Whose device it is: an entry of the index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'d> {
    app: &'d AppId,
    pub(super) user: &'d UserId,
}

impl<'d> Owner<'d> {
    /// The entry that a device has.
    pub(super) fn of(device: &'d Device) -> Option<Self> {
        Some(Self { app: &device.app, user: device.user.as_ref()? })
    }

    pub(super) fn key(&self, device: &DeviceId) -> Item {
        sorted_key(user_partition(self.app, self.user), *device.as_bytes())
    }

    pub(super) fn entry(&self, device: &Device) -> Item {
        ItemWriter::of(self.key(&device.id)).with("ua", device.updated_at).finish()
    }
}

/// The time of a later change. An entry that is gone stays gone: the device is another user's by now.
pub(super) fn touch(updated_at: UnixMillis) -> Expression {
    Expression::update("SET #ua = :at").when("#ua < :at").value("at", updated_at)
}

impl AwsStore {
    /// Writes the time of a change into the index. The device is written by then: whoever dies in between leaves the order
    /// of the user's devices as it was before.
    pub(super) async fn touch_index(&self, call: Call, device: &Device, stored: Option<&Device>) -> Result<()> {
        let is_later = stored.is_none_or(|stored| stored.updated_at < device.updated_at);
        match Owner::of(device) {
            Some(owner) if is_later => {
                self.update(call, owner.key(&device.id), touch(device.updated_at)).await.map(|_| ())
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn list_devices_of_user(&self, app: &AppId, user: &UserId, limit: usize) -> Result<Vec<DeviceId>> {
        let call = call("list the devices of the user");
        let query = Query::of(Expression::key("#pk = :user").value("user", binary(user_partition(app, user))));
        let mut entries = call.read_all(self.list(call, query, READ_MAX).await?, |item| {
            let mut item = ItemReader::new(Table::Directory, item);
            Ok((Reverse(item.take::<UnixMillis>("ua")?), item.take::<DeviceId>("sk")?))
        })?;
        entries.sort_unstable();
        Ok(entries.into_iter().take(limit).map(|(_, device)| device).collect())
    }
}
