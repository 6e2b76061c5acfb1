//! Messages from devices to the business (a "Up" on the link).

use bytes::Bytes;

use crate::id::{AppId, DeviceId};
use crate::time::UnixMillis;

/// The device's own number of an upstream message: (device, id) is unique, so a repeat is dropped.
pub type UpstreamId = u64;

/// A message from a device to the business. Acknowledged to the device only when durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whose app.
    pub app: AppId,
    /// Which device.
    pub device: DeviceId,
    /// The device's own number of it.
    pub id: UpstreamId,
    /// What it is about; at most [`crate::limits::UPSTREAM_TOPIC_MAX_BYTES`].
    pub topic: String,
    /// At most [`crate::limits::UPSTREAM_MAX_BYTES`].
    pub payload: Bytes,
    /// When the gateway got it.
    pub received_at: UnixMillis,
}
