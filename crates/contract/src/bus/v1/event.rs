//! The envelope and what stands in its `data`.

use homing_domain::{BusEvent, Presence, Upstream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::http::v1::{BalanceView, PayloadEncoding, to_timestamp};

/// Longest text of an alert: a sentence or two for a person. The rest stands in the logs.
const ALERT_DETAIL_MAX_BYTES: usize = 1_024;

/// An event, a device's message, or an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusEnvelope {
    /// 1.
    pub v: u32,
    /// The same for a repeat of the same event, unique among those of its `type`.
    pub id: String,
    /// Whose app; none for what concerns the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// When it happened.
    pub at: Timestamp,
    /// `type` and `data`.
    #[serde(flatten)]
    pub item: BusItem,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum BusItem {
    /// Every targeted device of a message has ended.
    #[serde(rename = "message.completed")]
    MessageCompleted(MessageCompletedData),
    /// A device has a link.
    #[serde(rename = "device.online")]
    DeviceOnline(PresenceData),
    /// A device has lost its link and did not come back.
    #[serde(rename = "device.offline")]
    DeviceOffline(PresenceData),
    /// A device says something to the business.
    #[serde(rename = "device.upstream")]
    DeviceUpstream(UpstreamData),
    /// An operator should look.
    #[serde(rename = "alert")]
    Alert(AlertData),
}

/// Of `message.completed`; the envelope's id is the message's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCompletedData {
    /// Which message.
    pub message_id: String,
    /// Its numbers at that moment. A device that comes back late may still change them.
    pub balance: BalanceView,
}

/// Of `device.online` and `device.offline`; the envelope's id is `device:conn_seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceData {
    /// Which device.
    pub device_id: String,
    /// Which of its connections: the larger is the later. An offline counts only if no larger one was reported online.
    pub conn_seq: u64,
    /// The gateway's server id.
    pub gateway: String,
}

/// Of `device.upstream`: the fields of `GET /v1/upstream` but the position; the envelope's id is `device:id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamData {
    /// From which device.
    pub device_id: String,
    /// The device's own number of it.
    pub id: u64,
    /// What it is about.
    pub topic: String,
    /// What it says.
    pub payload: String,
    /// How the payload is written.
    pub encoding: PayloadEncoding,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// Of `alert`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertData {
    /// A stable name in snake_case.
    pub name: String,
    /// What happened, in words.
    pub detail: String,
}

impl BusItem {
    /// The name in `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::MessageCompleted(_) => "message.completed",
            Self::DeviceOnline(_) => "device.online",
            Self::DeviceOffline(_) => "device.offline",
            Self::DeviceUpstream(_) => "device.upstream",
            Self::Alert(_) => "alert",
        }
    }
}

impl BusEnvelope {
    pub(super) fn of_event(event: &BusEvent) -> Self {
        match event {
            BusEvent::MessageCompleted { app, message, balance, at } => {
                let data = MessageCompletedData { message_id: message.to_string(), balance: (*balance).into() };
                let (app, at) = (Some(app.to_string()), to_timestamp(*at));
                Self { v: VERSION, id: message.to_string(), app, at, item: BusItem::MessageCompleted(data) }
            }
            BusEvent::DeviceOnline(presence) => Self::of_presence(presence, BusItem::DeviceOnline),
            BusEvent::DeviceOffline(presence) => Self::of_presence(presence, BusItem::DeviceOffline),
            BusEvent::Alert { app, name, detail, at } => {
                let (detail, _) = detail.split_at(detail.floor_char_boundary(ALERT_DETAIL_MAX_BYTES));
                let data = AlertData { name: (*name).to_owned(), detail: detail.to_owned() };
                let app = app.as_ref().map(ToString::to_string);
                let id = format!("{name}:{}:{}", app.as_deref().unwrap_or_default(), at.0);
                Self { v: VERSION, id, app, at: to_timestamp(*at), item: BusItem::Alert(data) }
            }
        }
    }

    fn of_presence(presence: &Presence, item: fn(PresenceData) -> BusItem) -> Self {
        let data = PresenceData {
            device_id: presence.device.to_string(),
            conn_seq: presence.conn_seq,
            gateway: presence.gateway.server_id.to_string(),
        };
        Self {
            v: VERSION,
            id: format!("{}:{}", presence.device, presence.conn_seq),
            app: Some(presence.app.to_string()),
            at: to_timestamp(presence.at),
            item: item(data),
        }
    }

    pub(super) fn of_upstream(upstream: &Upstream) -> Self {
        let (payload, encoding) = PayloadEncoding::write(&upstream.payload);
        let received_at = to_timestamp(upstream.received_at);
        let data = UpstreamData {
            device_id: upstream.device.to_string(),
            id: upstream.id,
            topic: upstream.topic.clone(),
            payload,
            encoding,
            received_at,
        };
        Self {
            v: VERSION,
            id: format!("{}:{}", upstream.device, upstream.id),
            app: Some(upstream.app.to_string()),
            at: received_at,
            item: BusItem::DeviceUpstream(data),
        }
    }
}
