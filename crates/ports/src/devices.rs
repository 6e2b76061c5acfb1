//! The directory of devices.

use std::future::Future;

use homing_domain::{AppId, Device, DeviceId, UnixMillis, UserId};

use crate::{Created, Replaced, Result};

/// The directory. Its mailbox is another item: binding changes both, the mailbox first.
pub trait Devices: Send + Sync {
    /// Puts a new device.
    fn create_device(&self, device: Device) -> impl Future<Output = Result<Created>> + Send;

    /// Many devices, at most [`homing_domain::limits::SHARD_MAX_DEVICES`]; answers in the same order. May be stale by moments.
    fn devices(&self, ids: Vec<DeviceId>) -> impl Future<Output = Result<Vec<Option<Device>>>> + Send;

    /// One device.
    fn device(&self, id: &DeviceId) -> impl Future<Output = Result<Option<Device>>> + Send;

    /// Replaces a device whose stored revision is `device.revision - 1`, and keeps the user index true (which may lag).
    fn replace_device(&self, device: Device) -> impl Future<Output = Result<Replaced>> + Send;

    /// Sets [`Device::seen_at`], unless the device is gone. Leaves the revision as it is.
    fn touch_device(&self, id: &DeviceId, seen_at: UnixMillis) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a device from the directory.
    fn delete_device(&self, id: &DeviceId) -> impl Future<Output = Result<()>> + Send;

    /// Devices of one segment of an app (see [`Device::segment`]) in the order of their ids, after `after`, at most `limit`.
    fn devices_of_app(
        &self,
        app: &AppId,
        segment: u8,
        after: Option<DeviceId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Device>>> + Send;

    /// Devices bound to a user, the most recently changed first, at most `limit`.
    fn devices_of_user(
        &self,
        app: &AppId,
        user: &UserId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DeviceId>>> + Send;
}
