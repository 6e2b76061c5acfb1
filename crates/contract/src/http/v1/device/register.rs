//! `POST /v1/devices`.

use homing_domain::{Channel, DeviceProfile, Platform, UnixMillis, VendorToken};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PROFILE_TEXT_MAX_BYTES, time_zone};
use crate::http::v1::text::{line, optional_line};
use crate::http::{Checked, Violations, pointer};

/// Longest name of a vendor's channel.
const CHANNEL_MAX_BYTES: usize = 16;
/// Longest vendor token: Web Push addresses with their keys are the longest.
const TOKEN_MAX_BYTES: usize = 1_024;

/// What a device runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlatformName {
    /// Android phones.
    Android,
    /// iPhones and iPads.
    Ios,
    /// HarmonyOS.
    Harmony,
    /// Browsers.
    Web,
    /// Televisions and set-top boxes.
    Tv,
    /// Cars.
    Car,
    /// Linux, macOS, Windows.
    Desktop,
    /// Anything else.
    Other,
}

impl From<PlatformName> for Platform {
    fn from(name: PlatformName) -> Self {
        match name {
            PlatformName::Android => Self::Android,
            PlatformName::Ios => Self::Ios,
            PlatformName::Harmony => Self::Harmony,
            PlatformName::Web => Self::Web,
            PlatformName::Tv => Self::Tv,
            PlatformName::Car => Self::Car,
            PlatformName::Desktop => Self::Desktop,
            PlatformName::Other => Self::Other,
        }
    }
}

impl From<Platform> for PlatformName {
    fn from(platform: Platform) -> Self {
        match platform {
            Platform::Android => Self::Android,
            Platform::Ios => Self::Ios,
            Platform::Harmony => Self::Harmony,
            Platform::Web => Self::Web,
            Platform::Tv => Self::Tv,
            Platform::Car => Self::Car,
            Platform::Desktop => Self::Desktop,
            Platform::Other => Self::Other,
        }
    }
}

/// A device's address at its vendor's push service.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct VendorAddress {
    /// Which vendor.
    #[schema(max_length = 16, example = "huawei")]
    pub channel: String,
    /// The vendor's token.
    #[schema(max_length = 1024)]
    pub token: String,
}

only_objects!(VendorAddress);

impl std::fmt::Debug for VendorAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VendorAddress({}, token redacted)", self.channel)
    }
}

impl VendorAddress {
    pub(super) fn check(self, at: &str, since: UnixMillis) -> Checked<VendorToken> {
        let mut wrong = Violations::default();
        wrong.take(line(&self.channel, CHANNEL_MAX_BYTES, &pointer(at, "channel")));
        let is_vendor = self.channel.parse().is_ok_and(|channel: Channel| channel != Channel::Own);
        if wrong.is_empty() && !is_vendor {
            let vendors: Vec<_> = Channel::ALL.into_iter().skip(1).map(|known| known.name()).collect();
            wrong.add("invalid_value", pointer(at, "channel"), format!("must be one of {}", vendors.join(", ")));
        }
        wrong.take(line(&self.token, TOKEN_MAX_BYTES, &pointer(at, "token")));
        wrong.or(VendorToken { channel: self.channel, token: self.token, since })
    }
}

/// A device that registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct RegisterDevice {
    /// The app's client key, unless it is in the Authorization header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "hmc_shop.…")]
    pub client_key: Option<String>,
    /// What it runs.
    pub platform: PlatformName,
    /// Maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub brand: Option<String>,
    /// Model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub model: Option<String>,
    /// Version of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub os_version: Option<String>,
    /// Version of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub app_version: Option<String>,
    /// BCP 47 language tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "zh-CN")]
    pub locale: Option<String>,
    /// IANA time zone name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "Asia/Shanghai")]
    pub timezone: Option<String>,
    /// Whether the person lets the app show notifications; yes when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications_enabled: Option<bool>,
    /// Its address at its vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorAddress>,
}

only_objects!(RegisterDevice);

impl RegisterDevice {
    /// A device of a platform that says nothing else of itself.
    #[must_use]
    pub const fn new(platform: PlatformName) -> Self {
        Self {
            client_key: None,
            platform,
            brand: None,
            model: None,
            os_version: None,
            app_version: None,
            locale: None,
            timezone: None,
            notifications_enabled: None,
            vendor: None,
        }
    }

    /// Checks everything but the key. `now` is when the vendor token became known.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self, now: UnixMillis) -> Checked<(DeviceProfile, Option<VendorToken>)> {
        let mut wrong = Violations::default();
        for (at, text) in [
            ("/brand", &self.brand),
            ("/model", &self.model),
            ("/os_version", &self.os_version),
            ("/app_version", &self.app_version),
            ("/locale", &self.locale),
            ("/timezone", &self.timezone),
        ] {
            wrong.take(optional_line(text.as_ref(), PROFILE_TEXT_MAX_BYTES, at));
        }
        wrong.take(time_zone(self.timezone.as_ref(), "/timezone"));
        let vendor = self.vendor.map(|address| address.check("/vendor", now)).transpose();
        let vendor = wrong.take(vendor).flatten();
        let profile = DeviceProfile {
            platform: self.platform.into(),
            brand: self.brand,
            model: self.model,
            os_version: self.os_version,
            app_version: self.app_version,
            locale: self.locale,
            timezone: self.timezone,
            notifications_enabled: self.notifications_enabled.unwrap_or(true),
        };
        wrong.or((profile, vendor))
    }
}
