//! Pages of audiences.

use bytes::Bytes;
use homing_domain::{Cursor, DeviceId, MemberKey, MessageId, Reason, Shard, ShardId, Target, UnixMillis, UserHash};

use super::code::Code;
use super::{Stored, Wrong, array, id_bytes, optional_time};

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
    #[prost(uint32, tag = "3")]
    variant: u32,
    #[prost(uint64, optional, tag = "4")]
    hold: Option<u64>,
    #[prost(uint32, optional, tag = "5")]
    refusal: Option<u32>,
}

/// No field = from the beginning.
#[derive(Clone, PartialEq, prost::Message)]
struct CursorRow {
    #[prost(uint32, optional, tag = "1")]
    index: Option<u32>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    after: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    after_member: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "4")]
    after_shard: Option<Bytes>,
}

impl Stored for Shard {
    type Row = ShardRow;

    fn to_row(&self) -> ShardRow {
        let target = |target: &Target| TargetRow {
            device: id_bytes(target.device.as_bytes()),
            user: target.user.map(|user| user.0),
            variant: u32::from(target.variant),
            hold: optional_time(target.hold),
            refusal: target.refusal.map(Code::code),
        };
        ShardRow {
            id: id_bytes(self.id.as_bytes()),
            message: id_bytes(self.message.as_bytes()),
            targets: self.targets.iter().map(target).collect(),
            next: self.next.map(cursor_row),
        }
    }

    fn from_row(row: ShardRow) -> Result<Self, Wrong> {
        let target = |target: TargetRow| {
            let device = DeviceId::from_slice(&target.device).ok_or("target")?;
            Ok(Target {
                device,
                user: target.user.map(UserHash),
                variant: u8::try_from(target.variant).map_err(|_| "variant")?,
                hold: target.hold.map(UnixMillis),
                refusal: target.refusal.map(Reason::from_code).transpose()?,
            })
        };
        Ok(Self {
            id: ShardId::from_slice(&row.id).ok_or("shard")?,
            message: MessageId::from_slice(&row.message).ok_or("message")?,
            targets: row.targets.into_iter().map(target).collect::<Result<_, Wrong>>()?,
            next: row.next.map(cursor).transpose()?,
        })
    }
}

fn cursor_row(cursor: Cursor) -> CursorRow {
    let mut row = CursorRow::default();
    match cursor {
        Cursor::Start => {}
        Cursor::Index(index) => row.index = Some(index),
        Cursor::After(device) => row.after = Some(id_bytes(device.as_bytes())),
        Cursor::AfterMember(key) => row.after_member = Some(id_bytes(&key.0)),
        Cursor::AfterShard(shard) => row.after_shard = Some(id_bytes(shard.as_bytes())),
    }
    row
}

fn cursor(row: CursorRow) -> Result<Cursor, Wrong> {
    match (row.index, row.after, row.after_member, row.after_shard) {
        (None, None, None, None) => Ok(Cursor::Start),
        (Some(index), None, None, None) => Ok(Cursor::Index(index)),
        (_, Some(after), None, None) => DeviceId::from_slice(&after).map(Cursor::After).ok_or("cursor"),
        (_, _, Some(after), None) => Ok(Cursor::AfterMember(MemberKey(array(&after, "cursor")?))),
        (_, _, _, Some(after)) => ShardId::from_slice(&after).map(Cursor::AfterShard).ok_or("cursor"),
    }
}
