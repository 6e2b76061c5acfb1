//! Settings of the installation, and the heartbeat settings that apps share with them.

use bytes::Bytes;
use homing_domain::{HeartbeatSettings, Interval};
use homing_ports::FleetSettings;

use super::{Stored, Wrong, array};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SettingsRow {
    #[prost(message, optional, tag = "1")]
    heartbeat: Option<HeartbeatRow>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    admin_token: Option<Bytes>,
    #[prost(uint64, tag = "3")]
    revision: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HeartbeatRow {
    #[prost(message, optional, tag = "1")]
    quic: Option<IntervalRow>,
    #[prost(message, optional, tag = "2")]
    tcp: Option<IntervalRow>,
    #[prost(uint32, tag = "3")]
    idle_factor_percent: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct IntervalRow {
    #[prost(uint64, tag = "1")]
    initial: u64,
    #[prost(uint64, tag = "2")]
    minimum: u64,
    #[prost(uint64, tag = "3")]
    maximum: u64,
}

impl Stored for FleetSettings {
    type Row = SettingsRow;

    fn to_row(&self) -> SettingsRow {
        SettingsRow {
            heartbeat: Some(self.heartbeat.to_row()),
            admin_token: self.admin_token.map(|digest| Bytes::copy_from_slice(&digest)),
            revision: self.revision,
        }
    }

    fn from_row(row: SettingsRow) -> Result<Self, Wrong> {
        Ok(Self {
            heartbeat: HeartbeatSettings::from_row(row.heartbeat.ok_or("heartbeat")?)?,
            admin_token: row.admin_token.map(|digest| array(&digest, "admin token")).transpose()?,
            revision: row.revision,
        })
    }
}

impl Stored for HeartbeatSettings {
    type Row = HeartbeatRow;

    fn to_row(&self) -> HeartbeatRow {
        HeartbeatRow {
            quic: Some(interval_row(self.quic)),
            tcp: Some(interval_row(self.tcp)),
            idle_factor_percent: self.idle_factor_percent,
        }
    }

    fn from_row(row: HeartbeatRow) -> Result<Self, Wrong> {
        Ok(Self {
            quic: interval(&row.quic.ok_or("heartbeat")?),
            tcp: interval(&row.tcp.ok_or("heartbeat")?),
            idle_factor_percent: row.idle_factor_percent,
        })
    }
}

const fn interval_row(interval: Interval) -> IntervalRow {
    IntervalRow { initial: interval.initial, minimum: interval.minimum, maximum: interval.maximum }
}

const fn interval(row: &IntervalRow) -> Interval {
    Interval { initial: row.initial, minimum: row.minimum, maximum: row.maximum }
}
