//! Notices to gateways, for deployments whose gateways have an inbox queue of their own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use homing_domain::{
    AppId, ConnSeq, DeviceId, FeedHint, FeedOffset, HandOff, HandOffTarget, MessageId, Millis, Notice, Priority,
    PushBody, Seq, UnixMillis,
};
use serde::{Deserialize, Serialize};

use super::text::Text;
use super::{DecodeError, Item};

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct NoticeEnvelope {
    notice: NoticeWire,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NoticeWire {
    HandOff(HandOffWire),
    Reread { device: Text<DeviceId>, conn_seq: ConnSeq },
    Trim { device: Text<DeviceId>, conn_seq: ConnSeq },
    Feed { app: Text<AppId>, offset: FeedOffset },
    Superseded { device: Text<DeviceId>, by: ConnSeq },
    Revoked { device: Text<DeviceId> },
    HeartbeatChanged {},
    Drain { spread: Millis },
}

#[derive(Debug, Serialize, Deserialize)]
struct HandOffWire {
    message: Text<MessageId>,
    accepted_at: u64,
    expires_at: u64,
    priority: PriorityWire,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    collapse_key: Option<String>,
    /// Base64.
    payload: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recalls: Option<Text<MessageId>>,
    targets: Vec<HandOffTargetWire>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PriorityWire {
    Low,
    Normal,
    High,
}

#[derive(Debug, Serialize, Deserialize)]
struct HandOffTargetWire {
    device: Text<DeviceId>,
    conn_seq: ConnSeq,
    seq: Seq,
    enqueued_at: u64,
}

impl Item for Notice {
    const KIND: &'static str = "notice";
    type Wire = NoticeEnvelope;

    fn to_wire(&self) -> Self::Wire {
        let notice = match self {
            Self::HandOff(hand_off) => NoticeWire::HandOff(HandOffWire::new(hand_off)),
            Self::Reread { device, conn_seq } => NoticeWire::Reread { device: Text(*device), conn_seq: *conn_seq },
            Self::Trim { device, conn_seq } => NoticeWire::Trim { device: Text(*device), conn_seq: *conn_seq },
            Self::Feed(FeedHint { app, offset }) => NoticeWire::Feed { app: Text(app.clone()), offset: *offset },
            Self::Superseded { device, by } => NoticeWire::Superseded { device: Text(*device), by: *by },
            Self::Revoked { device } => NoticeWire::Revoked { device: Text(*device) },
            Self::HeartbeatChanged => NoticeWire::HeartbeatChanged {},
            Self::Drain { spread } => NoticeWire::Drain { spread: *spread },
        };
        NoticeEnvelope { notice }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        Ok(match wire.notice {
            NoticeWire::HandOff(hand_off) => Self::HandOff(hand_off.hand_off()?),
            NoticeWire::Reread { device, conn_seq } => Self::Reread { device: device.0, conn_seq },
            NoticeWire::Trim { device, conn_seq } => Self::Trim { device: device.0, conn_seq },
            NoticeWire::Feed { app, offset } => Self::Feed(FeedHint { app: app.0, offset }),
            NoticeWire::Superseded { device, by } => Self::Superseded { device: device.0, by },
            NoticeWire::Revoked { device } => Self::Revoked { device: device.0 },
            NoticeWire::HeartbeatChanged {} => Self::HeartbeatChanged,
            NoticeWire::Drain { spread } => Self::Drain { spread },
        })
    }
}

impl HandOffWire {
    fn new(hand_off: &HandOff) -> Self {
        let body = &hand_off.body;
        let target = |target: &HandOffTarget| HandOffTargetWire {
            device: Text(target.device),
            conn_seq: target.conn_seq,
            seq: target.seq,
            enqueued_at: target.enqueued_at.0,
        };
        Self {
            message: Text(body.message),
            accepted_at: body.accepted_at.0,
            expires_at: body.expires_at.0,
            priority: match body.priority {
                Priority::Low => PriorityWire::Low,
                Priority::Normal => PriorityWire::Normal,
                Priority::High => PriorityWire::High,
            },
            collapse_key: body.collapse_key.clone(),
            payload: STANDARD.encode(&body.payload),
            recalls: body.recalls.map(Text),
            targets: hand_off.targets.iter().map(target).collect(),
        }
    }

    fn hand_off(self) -> Result<HandOff, DecodeError> {
        let payload = STANDARD.decode(&self.payload).map_err(|_| DecodeError::Invalid("a payload is not base64"))?;
        let body = PushBody {
            message: self.message.0,
            accepted_at: UnixMillis(self.accepted_at),
            expires_at: UnixMillis(self.expires_at),
            priority: match self.priority {
                PriorityWire::Low => Priority::Low,
                PriorityWire::Normal => Priority::Normal,
                PriorityWire::High => Priority::High,
            },
            collapse_key: self.collapse_key,
            payload: Bytes::from(payload),
            recalls: self.recalls.map(|Text(message)| message),
        };
        let target = |target: HandOffTargetWire| HandOffTarget {
            device: target.device.0,
            conn_seq: target.conn_seq,
            seq: target.seq,
            enqueued_at: UnixMillis(target.enqueued_at),
        };
        Ok(HandOff { body, targets: self.targets.into_iter().map(target).collect() })
    }
}
