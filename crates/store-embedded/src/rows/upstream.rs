//! Messages from devices.

use bytes::Bytes;
use homing_domain::{DeviceId, UnixMillis, Upstream};

use super::{Stored, Wrong, app_id, id_bytes};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UpstreamRow {
    #[prost(string, tag = "1")]
    app: String,
    #[prost(bytes = "bytes", tag = "2")]
    device: Bytes,
    #[prost(uint64, tag = "3")]
    id: u64,
    #[prost(string, tag = "4")]
    topic: String,
    #[prost(bytes = "bytes", tag = "5")]
    payload: Bytes,
    #[prost(uint64, tag = "6")]
    received_at: u64,
}

/// The last position given out in an app.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PositionRow {
    #[prost(uint64, tag = "1")]
    pub(crate) last: u64,
}

impl Stored for Upstream {
    type Row = UpstreamRow;

    fn to_row(&self) -> UpstreamRow {
        UpstreamRow {
            app: self.app.as_str().to_owned(),
            device: id_bytes(self.device.as_bytes()),
            id: self.id,
            topic: self.topic.clone(),
            payload: self.payload.clone(),
            received_at: self.received_at.0,
        }
    }

    fn from_row(row: UpstreamRow) -> Result<Self, Wrong> {
        Ok(Self {
            app: app_id(&row.app)?,
            device: DeviceId::from_slice(&row.device).ok_or("device")?,
            id: row.id,
            topic: row.topic,
            payload: row.payload,
            received_at: UnixMillis(row.received_at),
        })
    }
}
