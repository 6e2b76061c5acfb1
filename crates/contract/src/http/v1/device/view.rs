//! What is answered about devices.

use homing_domain::Device;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PlatformName, QuietHoursView};
use crate::http::v1::gateway::RouteView;
use crate::http::v1::time::to_timestamp;

/// A registered device with its secret, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisteredDevice {
    /// Its id.
    #[schema(format = Uuid)]
    pub device_id: String,
    /// What it proves itself with, on its link and over HTTPS: 32 bytes in base64url.
    pub device_secret: String,
    /// What your servers address it with.
    #[schema(example = "hmp_…")]
    pub push_token: String,
    /// The app it belongs to.
    pub app_id: String,
    /// Life of its mailbox.
    pub epoch: u64,
    /// Which fleet key its secret derives from.
    pub key_id: u32,
    /// Which generation of its secret this is.
    pub credential_generation: u32,
    /// Where and how it connects.
    pub route: RouteView,
}

impl std::fmt::Debug for RegisteredDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisteredDevice").field("device_id", &self.device_id).finish_non_exhaustive()
    }
}

/// A device's vendor, without the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VendorView {
    /// Which vendor.
    pub channel: String,
    /// Since when its token is known.
    pub since: Timestamp,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// Its id.
    #[schema(format = Uuid)]
    pub device_id: String,
    /// What your servers address it with.
    pub push_token: String,
    /// What it runs.
    pub platform: PlatformName,
    /// Maker.
    pub brand: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Version of the operating system.
    pub os_version: Option<String>,
    /// Version of the app.
    pub app_version: Option<String>,
    /// BCP 47 language tag.
    pub locale: Option<String>,
    /// IANA time zone name.
    pub timezone: Option<String>,
    /// Whether the person lets the app show notifications.
    pub notifications_enabled: bool,
    /// When the person is left alone.
    pub quiet_hours: Option<QuietHoursView>,
    /// Topics that the person does not want.
    #[serde(default)]
    pub opted_out_topics: Vec<String>,
    /// Its vendor.
    pub vendor: Option<VendorView>,
    /// Who uses it.
    pub user_id: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it last had a link, or registered, exact to a day: what `last_seen` tests.
    pub last_seen_at: Timestamp,
}

impl DeviceView {
    /// The view of a device.
    #[must_use]
    pub fn new(device: &Device, push_token: String) -> Self {
        let profile = device.profile.clone();
        Self {
            device_id: device.id.to_string(),
            push_token,
            platform: profile.platform.into(),
            brand: profile.brand,
            model: profile.model,
            os_version: profile.os_version,
            app_version: profile.app_version,
            locale: profile.locale,
            timezone: profile.timezone,
            notifications_enabled: profile.notifications_enabled,
            quiet_hours: device.preferences.quiet_hours.map(QuietHoursView::from),
            opted_out_topics: device.preferences.opted_out.clone(),
            vendor: device
                .vendor
                .as_ref()
                .map(|vendor| VendorView { channel: vendor.channel.clone(), since: to_timestamp(vendor.since) }),
            user_id: device.user.as_ref().map(ToString::to_string),
            tags: device.tags.clone(),
            created_at: to_timestamp(device.created_at),
            updated_at: to_timestamp(device.updated_at),
            last_seen_at: to_timestamp(device.seen_at),
        }
    }
}
