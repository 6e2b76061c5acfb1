//! An app: the tenant, its keys and its quota.

use crate::bus_event::{EventSettings, UpstreamRoute};
use crate::heartbeat::HeartbeatSettings;
use crate::id::AppId;
use crate::time::UnixMillis;

/// SHA-256 of a key. Keys are 256 random bits, so a plain hash is enough; the key itself is never stored.
pub type KeyDigest = [u8; 32];

/// One of the (at most two) server keys of an app that are valid at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerKey {
    /// What is stored of it.
    pub digest: KeyDigest,
    /// First characters of the key, so that a person can tell two apart.
    pub hint: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it stops being valid; set on the older one by a rotation.
    pub expires_at: Option<UnixMillis>,
}

/// Whom an app's alerts go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertSettings {
    /// At most [`crate::limits::ALERT_EMAILS_MAX`] addresses.
    pub emails: Vec<String>,
    /// An `https://` URL that each alert is posted to as JSON, signed.
    pub webhook_url: Option<String>,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// What people call it.
    pub name: String,
    /// Keys of business systems, newest first; one or two.
    pub server_keys: Vec<ServerKey>,
    /// Key inside the mobile app, which may only register devices.
    pub client_key: KeyDigest,
    /// Accepted requests per second; `None` = the server's default.
    pub quota_per_second: Option<u32>,
    /// Heartbeat settings of its own; `None` = the fleet's.
    pub heartbeat: Option<HeartbeatSettings>,
    /// What its business systems are told.
    pub events: EventSettings,
    /// Where messages from its devices go.
    pub upstream: UpstreamRoute,
    /// Whom its alerts go to.
    pub alerts: AlertSettings,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Raised by each change; a change names the one it read.
    pub revision: u64,
}
