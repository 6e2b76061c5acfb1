//! The inputs of fanout, dispatch and close.

use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{
    AudienceJob, Channel, ChannelJob, CloseJob, ConnSeq, Cursor, DeviceId, DueTick, FeedAction, FeedJob, HeldJob,
    MemberKey, MessageId, Reason, Shard, ShardId, Target, Undelivered, UnixMillis, UserHash, VendorJob,
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

impl TargetWire {
    fn new(target: &Target) -> Self {
        Self {
            device: Text(target.device),
            user: target.user.map(|UserHash(user)| user),
            variant: target.variant,
            hold: target.hold.map(|at| at.0),
            refusal: target.refusal.map(Text),
        }
    }

    fn target(self) -> Target {
        Target {
            device: self.device.0,
            user: self.user.map(UserHash),
            variant: self.variant,
            hold: self.hold.map(UnixMillis),
            refusal: self.refusal.map(|Text(reason)| reason),
        }
    }
}

/// The targets of one item, unless they are more than one may have.
fn targets(wire: Vec<TargetWire>) -> Result<Vec<Target>, DecodeError> {
    let found = wire.len();
    if found > SHARD_MAX_DEVICES {
        return Err(DecodeError::TooMany { what: "targets", found, max: SHARD_MAX_DEVICES });
    }
    Ok(wire.into_iter().map(TargetWire::target).collect())
}

impl Item for Shard {
    const KIND: &'static str = "shard";
    type Wire = ShardWire;

    fn to_wire(&self) -> Self::Wire {
        ShardWire {
            id: Text(self.id),
            message: Text(self.message),
            targets: self.targets.iter().map(TargetWire::new).collect(),
            next: self.next.map(CursorWire::new),
        }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        Ok(Self {
            id: wire.id.0,
            message: wire.message.0,
            targets: targets(wire.targets)?,
            next: wire.next.map(|next| next.cursor()),
        })
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct VendorJobWire {
    message: Text<MessageId>,
    targets: Vec<TargetWire>,
}

impl Item for VendorJob {
    const KIND: &'static str = "vendor_job";
    type Wire = VendorJobWire;

    fn to_wire(&self) -> Self::Wire {
        VendorJobWire { message: Text(self.message), targets: self.targets.iter().map(TargetWire::new).collect() }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        Ok(Self { message: wire.message.0, targets: targets(wire.targets)? })
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct ChannelJobWire {
    message: Text<MessageId>,
    channel: Text<Channel>,
    #[serde(default)]
    attempt: u32,
    targets: Vec<TargetWire>,
}

impl Item for ChannelJob {
    const KIND: &'static str = "channel_job";
    type Wire = ChannelJobWire;

    fn to_wire(&self) -> Self::Wire {
        let targets = self.targets.iter().map(TargetWire::new).collect();
        ChannelJobWire { message: Text(self.message), channel: Text(self.channel), attempt: self.attempt, targets }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        let targets = targets(wire.targets)?;
        Ok(Self { message: wire.message.0, channel: wire.channel.0, attempt: wire.attempt, targets })
    }
}

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct FeedJobWire {
    message: Text<MessageId>,
    action: FeedActionWire,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FeedActionWire {
    Bring,
    Stop,
}

impl Item for FeedJob {
    const KIND: &'static str = "feed_job";
    type Wire = FeedJobWire;

    fn to_wire(&self) -> Self::Wire {
        let action = match self.action {
            FeedAction::Bring => FeedActionWire::Bring,
            FeedAction::Stop => FeedActionWire::Stop,
        };
        FeedJobWire { message: Text(self.message), action }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        let action = match wire.action {
            FeedActionWire::Bring => FeedAction::Bring,
            FeedActionWire::Stop => FeedAction::Stop,
        };
        Ok(Self { message: wire.message.0, action })
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
