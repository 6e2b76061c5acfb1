//! Apps and their keys.

mod alerts;
mod settings;

use homing_domain::{AlertSettings, App, AppId, EventSettings, HeartbeatSettings, Millis, UnixMillis, UpstreamRoute};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::heartbeat::HeartbeatView;
use super::text::line;
use super::time::to_timestamp;
use crate::http::{Checked, Violations};

pub use alerts::{AlertKeyView, AlertsView};
pub use settings::{EventsRequest, EventsView, UpstreamRouteView, UpstreamTo};

/// Longest name of an app.
const NAME_MAX_BYTES: usize = 128;
/// Largest quota that may be set: a hundred times what one process accepts.
const QUOTA_MAX_PER_SECOND: u32 = 1_000_000;
/// How long the older server key stays valid after a rotation, unless the request says otherwise: a day for a deployment.
pub const KEY_GRACE_DEFAULT_SECONDS: u64 = 24 * 3_600;
/// Longest such time: a key that stays for longer was not rotated.
pub const KEY_GRACE_MAX_SECONDS: u64 = 30 * 24 * 3_600;

/// A new app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct CreateApp {
    /// Its id: 1 to 32 of a-z, 0-9 and -.
    #[schema(max_length = 32, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", example = "shop")]
    pub id: String,
    /// What people call it; the id when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub name: Option<String>,
    /// Requests per second that its server keys may make; the server's default when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quota_per_second: Option<u32>,
    /// Heartbeat settings of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<HeartbeatView>,
    /// What it is told; nothing when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsRequest>,
    /// Where messages from its devices go; kept to be asked for when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamRouteView>,
    /// Whom its alerts go to; nobody when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertsView>,
}

only_objects!(CreateApp);

/// A request that is fit to become an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApp {
    /// Its id.
    pub id: AppId,
    /// Its name.
    pub name: String,
    /// Its quota.
    pub quota_per_second: Option<u32>,
    /// Its heartbeat settings.
    pub heartbeat: Option<HeartbeatSettings>,
    /// What it is told.
    pub events: EventSettings,
    /// Where messages from its devices go.
    pub upstream: UpstreamRoute,
    /// Whom its alerts go to.
    pub alerts: AlertSettings,
}

impl CreateApp {
    /// Checks everything.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self) -> Checked<NewApp> {
        let mut wrong = Violations::default();
        let id = wrong
            .take(self.id.parse::<AppId>().map_err(|error| Violations::one("invalid_app", "/id", error.to_string())));
        let name = self.name.unwrap_or_else(|| self.id.clone());
        wrong.take(line(&name, NAME_MAX_BYTES, "/name"));
        wrong.take(quota(self.quota_per_second));
        let heartbeat = wrong.take(self.heartbeat.map(|view| view.check("/heartbeat")).transpose()).flatten();
        let events = self.events.unwrap_or_default().applied_to(EventSettings::default());
        let upstream = wrong.take(self.upstream.unwrap_or_default().check("/upstream"));
        let alerts = wrong.take(self.alerts.unwrap_or_default().check("/alerts"));
        match (id, upstream, alerts) {
            (Some(id), Some(upstream), Some(alerts)) => {
                let quota_per_second = self.quota_per_second;
                wrong.or(NewApp { id, name, quota_per_second, heartbeat, events, upstream, alerts })
            }
            _ => Err(wrong),
        }
    }
}

/// Changes to an app; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct AppPatch {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub name: Option<String>,
    /// Requests per second; `null` = the server's default again.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub quota_per_second: Option<Option<u32>>,
    /// What it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsRequest>,
    /// Where messages from its devices go, as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamRouteView>,
    /// Whom its alerts go to, as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertsView>,
}

only_objects!(AppPatch);

impl AppPatch {
    /// Makes the changes.
    ///
    /// # Errors
    /// All that is wrong; then nothing changed.
    pub fn apply(self, app: &mut App) -> Checked<()> {
        let mut wrong = Violations::default();
        if let Some(name) = &self.name {
            wrong.take(line(name, NAME_MAX_BYTES, "/name"));
        }
        wrong.take(quota(self.quota_per_second.flatten()));
        let upstream = wrong.take(self.upstream.map(|route| route.check("/upstream")).transpose()).flatten();
        let alerts = wrong.take(self.alerts.map(|alerts| alerts.check("/alerts")).transpose()).flatten();
        wrong.or(())?;
        if let Some(name) = self.name {
            app.name = name;
        }
        if let Some(quota) = self.quota_per_second {
            app.quota_per_second = quota;
        }
        if let Some(events) = self.events {
            app.events = events.applied_to(app.events);
        }
        if let Some(route) = upstream {
            app.upstream = route;
        }
        if let Some(alerts) = alerts {
            app.alerts = alerts;
        }
        Ok(())
    }
}

fn quota(per_second: Option<u32>) -> Checked<()> {
    match per_second {
        Some(per_second) if !(1..=QUOTA_MAX_PER_SECOND).contains(&per_second) => {
            let message = format!("must lie between 1 and {}", QUOTA_MAX_PER_SECOND);
            Err(Violations::one("out_of_range", "/quota_per_second", message))
        }
        _ => Ok(()),
    }
}

/// Reads a field that is there, be it null: tells "set to null" from "left out".
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A server key as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerKeyView {
    /// Its first characters.
    #[schema(example = "hms_shop.Bw4t")]
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops being valid, if it was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether it is valid now.
    pub valid: bool,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Requests per second; none = the server's default.
    pub quota_per_second: Option<u32>,
    /// Heartbeat settings of its own; none = the installation's.
    pub heartbeat: Option<HeartbeatView>,
    /// What it is told.
    #[serde(default)]
    pub events: EventsView,
    /// Where messages from its devices go.
    #[serde(default)]
    pub upstream: UpstreamRouteView,
    /// Whom its alerts go to.
    #[serde(default)]
    pub alerts: AlertsView,
    /// Its server keys, newest first.
    pub server_keys: Vec<ServerKeyView>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl AppView {
    /// The view of an app.
    #[must_use]
    pub fn new(app: &App, now: UnixMillis) -> Self {
        let server_keys = app.server_keys.iter().map(|key| ServerKeyView {
            hint: key.hint.clone(),
            created_at: to_timestamp(key.created_at),
            expires_at: key.expires_at.map(to_timestamp),
            valid: key.expires_at.is_none_or(|at| now < at),
        });
        Self {
            id: app.id.to_string(),
            name: app.name.clone(),
            quota_per_second: app.quota_per_second,
            heartbeat: app.heartbeat.map(HeartbeatView::from),
            events: app.events.into(),
            upstream: (&app.upstream).into(),
            alerts: (&app.alerts).into(),
            server_keys: server_keys.collect(),
            created_at: to_timestamp(app.created_at),
        }
    }
}

/// A page of apps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppList {
    /// The apps, by id.
    pub apps: Vec<AppView>,
    /// For the next page; none on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A new app with its keys, which are shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppCreated {
    /// The app.
    pub app: AppView,
    /// For your servers: everything of this app.
    pub server_key: String,
    /// For the mobile app: may only register a device.
    pub client_key: String,
}

/// How to rotate the server key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct RotateKeys {
    /// How long the present key stays valid; a day when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2_592_000)]
    pub grace_seconds: Option<u64>,
}

only_objects!(RotateKeys);

impl RotateKeys {
    /// The grace in milliseconds.
    ///
    /// # Errors
    /// It is longer than 30 days.
    pub fn check(self) -> Checked<Millis> {
        let seconds = self.grace_seconds.unwrap_or(KEY_GRACE_DEFAULT_SECONDS);
        if seconds <= KEY_GRACE_MAX_SECONDS {
            Ok(seconds * 1_000)
        } else {
            let message = format!("must lie between 0 and {KEY_GRACE_MAX_SECONDS}");
            Err(Violations::one("out_of_range", "/grace_seconds", message))
        }
    }
}

/// A new server key, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRotated {
    /// The app.
    pub app: AppView,
    /// The new key.
    pub server_key: String,
}

impl std::fmt::Debug for AppCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppCreated").field("app", &self.app).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for KeyRotated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRotated").field("app", &self.app).finish_non_exhaustive()
    }
}
