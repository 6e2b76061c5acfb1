//! Pages of audiences.

use bytes::Bytes;
use homing_domain::{Cursor, DeviceId, MessageId, Shard, ShardId, Target, UserHash};

use super::{Stored, Wrong, id_bytes};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ShardRow {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    message: Bytes,
    #[prost(message, repeated, tag = "3")]
    targets: Vec<TargetRow>,
    /// Missing = the segment's last page.
    #[prost(message, optional, tag = "4")]
    next: Option<CursorRow>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TargetRow {
    #[prost(bytes = "bytes", tag = "1")]
    device: Bytes,
    #[prost(fixed64, optional, tag = "2")]
    user: Option<u64>,
}

/// Neither field = from the beginning.
#[derive(Clone, PartialEq, prost::Message)]
struct CursorRow {
    #[prost(uint32, optional, tag = "1")]
    index: Option<u32>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    after: Option<Bytes>,
}

impl Stored for Shard {
    type Row = ShardRow;

    fn to_row(&self) -> ShardRow {
        let target = |target: &Target| TargetRow {
            device: id_bytes(target.device.as_bytes()),
            user: target.user.map(|user| user.0),
        };
        let cursor = |cursor| match cursor {
            Cursor::Start => CursorRow { index: None, after: None },
            Cursor::Index(index) => CursorRow { index: Some(index), after: None },
            Cursor::After(device) => CursorRow { index: None, after: Some(id_bytes(device.as_bytes())) },
        };
        ShardRow {
            id: id_bytes(self.id.as_bytes()),
            message: id_bytes(self.message.as_bytes()),
            targets: self.targets.iter().map(target).collect(),
            next: self.next.map(cursor),
        }
    }

    fn from_row(row: ShardRow) -> Result<Self, Wrong> {
        let target = |target: TargetRow| {
            let device = DeviceId::from_slice(&target.device).ok_or("target")?;
            Ok(Target { device, user: target.user.map(UserHash) })
        };
        let cursor = |cursor: CursorRow| match (cursor.index, cursor.after) {
            (None, None) => Ok(Cursor::Start),
            (Some(index), None) => Ok(Cursor::Index(index)),
            (_, Some(after)) => DeviceId::from_slice(&after).map(Cursor::After).ok_or("cursor"),
        };
        Ok(Self {
            id: ShardId::from_slice(&row.id).ok_or("shard")?,
            message: MessageId::from_slice(&row.message).ok_or("message")?,
            targets: row.targets.into_iter().map(target).collect::<Result<_, Wrong>>()?,
            next: row.next.map(cursor).transpose()?,
        })
    }
}
