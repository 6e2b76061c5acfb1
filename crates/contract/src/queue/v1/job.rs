//! The inputs of fanout, dispatch and close.

use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{
    AudienceJob, CloseJob, ConnSeq, Cursor, DeviceId, DueTick, HeldJob, MemberKey, MessageId, Reason, Shard, ShardId,
    Target, Undelivered, UnixMillis, UserHash,
};
use serde::{Deserialize, Serialize};

use super::text::Text;
use super::{DecodeError, Item};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CursorWire {
    Index(u32),
    After(Text<DeviceId>),
    /// Sixteen bytes, written like an id.
    AfterMember(Text<DeviceId>),
    AfterShard(Text<ShardId>),
    Start,
}

impl CursorWire {
    const fn new(cursor: Cursor) -> Self {
        match cursor {
            Cursor::Start => Self::Start,
            Cursor::Index(index) => Self::Index(index),
            Cursor::After(device) => Self::After(Text(device)),
            Cursor::AfterMember(MemberKey(key)) => Self::AfterMember(Text(DeviceId::from_bytes(key))),
            Cursor::AfterShard(shard) => Self::AfterShard(Text(shard)),
        }
    }

    const fn cursor(&self) -> Cursor {
        match self {
            Self::Start => Cursor::Start,
            Self::Index(index) => Cursor::Index(*index),
            Self::After(Text(device)) => Cursor::After(*device),
            Self::AfterMember(Text(key)) => Cursor::AfterMember(MemberKey(*key.as_bytes())),
            Self::AfterShard(Text(shard)) => Cursor::AfterShard(*shard),
        }
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct AudienceJobWire {
    message: Text<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segment: Option<u8>,
    cursor: CursorWire,
}

impl Item for AudienceJob {
    const KIND: &'static str = "audience_job";
    type Wire = AudienceJobWire;

    fn to_wire(&self) -> Self::Wire {
        AudienceJobWire { message: Text(self.message), segment: self.segment, cursor: CursorWire::new(self.cursor) }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        Ok(Self { message: wire.message.0, segment: wire.segment, cursor: wire.cursor.cursor() })
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct HeldJobWire {
    message: Text<MessageId>,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Text<ShardId>>,
}

impl Item for HeldJob {
    const KIND: &'static str = "held_job";
    type Wire = HeldJobWire;

    fn to_wire(&self) -> Self::Wire {
        HeldJobWire { message: Text(self.message), at: self.at.0, after: self.after.map(Text) }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        Ok(Self { message: wire.message.0, at: UnixMillis(wire.at), after: wire.after.map(|Text(shard)| shard) })
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct ShardWire {
    id: Text<ShardId>,
    message: Text<MessageId>,
    targets: Vec<TargetWire>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<CursorWire>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TargetWire {
    device: Text<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    variant: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<Text<Reason>>,
}

/// The default rendering needs no word.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_default(variant: &u8) -> bool {
    *variant == 0
}

impl Item for Shard {
    const KIND: &'static str = "shard";
    type Wire = ShardWire;

    fn to_wire(&self) -> Self::Wire {
        let target = |target: &Target| TargetWire {
            device: Text(target.device),
            user: target.user.map(|UserHash(user)| user),
            variant: target.variant,
            hold: target.hold.map(|at| at.0),
            refusal: target.refusal.map(Text),
        };
        ShardWire {
            id: Text(self.id),
            message: Text(self.message),
            targets: self.targets.iter().map(target).collect(),
            next: self.next.map(CursorWire::new),
        }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        let found = wire.targets.len();
        if found > SHARD_MAX_DEVICES {
            return Err(DecodeError::TooMany { what: "targets", found, max: SHARD_MAX_DEVICES });
        }
        let target = |target: TargetWire| Target {
            device: target.device.0,
            user: target.user.map(UserHash),
            variant: target.variant,
            hold: target.hold.map(UnixMillis),
            refusal: target.refusal.map(|Text(reason)| reason),
        };
        Ok(Self {
            id: wire.id.0,
            message: wire.message.0,
            targets: wire.targets.into_iter().map(target).collect(),
            next: wire.next.map(|next| next.cursor()),
        })
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct UndeliveredWire {
    device: Text<DeviceId>,
    conn_seq: ConnSeq,
    message: Text<MessageId>,
    #[serde(default)]
    transient: bool,
}

impl Item for Undelivered {
    const KIND: &'static str = "undelivered";
    type Wire = UndeliveredWire;

    fn to_wire(&self) -> Self::Wire {
        UndeliveredWire {
            device: Text(self.device),
            conn_seq: self.conn_seq,
            message: Text(self.message),
            transient: self.transient,
        }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        Ok(Self { device: wire.device.0, conn_seq: wire.conn_seq, message: wire.message.0, transient: wire.transient })
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct CloseJobWire {
    message: Text<MessageId>,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Text<ShardId>>,
}

impl Item for CloseJob {
    const KIND: &'static str = "close_job";
    type Wire = CloseJobWire;

    fn to_wire(&self) -> Self::Wire {
        CloseJobWire { message: Text(self.message), at: self.at.0, after: self.after.map(Text) }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        Ok(Self { message: wire.message.0, at: UnixMillis(wire.at), after: wire.after.map(|Text(shard)| shard) })
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct DueTickWire {
    message: Text<MessageId>,
    at: u64,
}

impl Item for DueTick {
    const KIND: &'static str = "due_tick";
    type Wire = DueTickWire;

    fn to_wire(&self) -> Self::Wire {
        DueTickWire { message: Text(self.message), at: self.at.0 }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        Ok(Self { message: wire.message.0, at: UnixMillis(wire.at) })
    }
}
