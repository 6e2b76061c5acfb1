//! Apps.

use bytes::Bytes;
use homing_domain::{AlertSettings, App, EventSettings, HeartbeatSettings, ServerKey, UnixMillis, UpstreamRoute};

use super::settings::HeartbeatRow;
use super::{Stored, Wrong, app_id, array, optional_time};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AppRow {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    server_keys: Vec<ServerKeyRow>,
    #[prost(bytes = "bytes", tag = "4")]
    client_key: Bytes,
    #[prost(uint32, optional, tag = "5")]
    quota_per_second: Option<u32>,
    #[prost(message, optional, tag = "6")]
    heartbeat: Option<HeartbeatRow>,
    #[prost(uint64, tag = "7")]
    created_at: u64,
    #[prost(uint64, tag = "8")]
    revision: u64,
    #[prost(bool, tag = "9")]
    tells_message_completed: bool,
    #[prost(bool, tag = "10")]
    tells_presence: bool,
    /// None = kept until the business reads them.
    #[prost(oneof = "UpstreamKind", tags = "11, 12")]
    upstream: Option<UpstreamKind>,
    #[prost(string, repeated, tag = "13")]
    alert_emails: Vec<String>,
    #[prost(string, optional, tag = "14")]
    alert_webhook_url: Option<String>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum UpstreamKind {
    #[prost(string, tag = "11")]
    Queue(String),
    #[prost(bool, tag = "12")]
    Bus(bool),
}

#[derive(Clone, PartialEq, prost::Message)]
struct ServerKeyRow {
    #[prost(bytes = "bytes", tag = "1")]
    digest: Bytes,
    #[prost(string, tag = "2")]
    hint: String,
    #[prost(uint64, tag = "3")]
    created_at: u64,
    #[prost(uint64, optional, tag = "4")]
    expires_at: Option<u64>,
}

impl Stored for App {
    type Row = AppRow;

    fn to_row(&self) -> AppRow {
        let server_key = |key: &ServerKey| ServerKeyRow {
            digest: Bytes::copy_from_slice(&key.digest),
            hint: key.hint.clone(),
            created_at: key.created_at.0,
            expires_at: optional_time(key.expires_at),
        };
        AppRow {
            id: self.id.as_str().to_owned(),
            name: self.name.clone(),
            server_keys: self.server_keys.iter().map(server_key).collect(),
            client_key: Bytes::copy_from_slice(&self.client_key),
            quota_per_second: self.quota_per_second,
            heartbeat: self.heartbeat.as_ref().map(Stored::to_row),
            created_at: self.created_at.0,
            revision: self.revision,
            tells_message_completed: self.events.message_completed,
            tells_presence: self.events.presence,
            upstream: match &self.upstream {
                UpstreamRoute::Poll => None,
                UpstreamRoute::Queue(url) => Some(UpstreamKind::Queue(url.clone())),
                UpstreamRoute::Bus => Some(UpstreamKind::Bus(true)),
            },
            alert_emails: self.alerts.emails.clone(),
            alert_webhook_url: self.alerts.webhook_url.clone(),
        }
    }

    fn from_row(row: AppRow) -> Result<Self, Wrong> {
        let server_key = |key: ServerKeyRow| {
            Ok(ServerKey {
                digest: array(&key.digest, "server key")?,
                hint: key.hint,
                created_at: UnixMillis(key.created_at),
                expires_at: key.expires_at.map(UnixMillis),
            })
        };
        Ok(Self {
            id: app_id(&row.id)?,
            name: row.name,
            server_keys: row.server_keys.into_iter().map(server_key).collect::<Result<_, Wrong>>()?,
            client_key: array(&row.client_key, "client key")?,
            quota_per_second: row.quota_per_second,
            heartbeat: row.heartbeat.map(HeartbeatSettings::from_row).transpose()?,
            created_at: UnixMillis(row.created_at),
            revision: row.revision,
            events: EventSettings { message_completed: row.tells_message_completed, presence: row.tells_presence },
            upstream: match row.upstream {
                None => UpstreamRoute::Poll,
                Some(UpstreamKind::Queue(url)) => UpstreamRoute::Queue(url),
                Some(UpstreamKind::Bus(_)) => UpstreamRoute::Bus,
            },
            alerts: AlertSettings { emails: row.alert_emails, webhook_url: row.alert_webhook_url },
        })
    }
}
