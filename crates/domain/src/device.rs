//! A device as the directory knows it.

use std::fmt;
use std::str::FromStr;

use crate::feed::LaneChange;
use crate::id::{AppId, DeviceId, Epoch, UserId};
use crate::preferences::Preferences;
use crate::time::UnixMillis;

/// What a device runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Android phones, TVs and cars.
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

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 8] =
        [Self::Android, Self::Ios, Self::Harmony, Self::Web, Self::Tv, Self::Car, Self::Desktop, Self::Other];

    /// The stable name in JSON and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
            Self::Harmony => "harmony",
            Self::Web => "web",
            Self::Tv => "tv",
            Self::Car => "car",
            Self::Desktop => "desktop",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Platform {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|platform| platform.name() == text).ok_or(())
    }
}

/// What a device says of itself. Every text is at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceProfile {
    /// What it runs.
    pub platform: Platform,
    /// Maker, as the device reports it.
    pub brand: Option<String>,
    /// Model, as the device reports it.
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
}

/// The device's address at its vendor's push service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorToken {
    /// Which vendor: `apns`, `fcm`, `huawei`, …
    pub channel: String,
    /// The vendor's token.
    pub token: String,
    /// Since when we know it: receipts older than this are about another token.
    pub since: UnixMillis,
}

/// A registered device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Whose app.
    pub app: AppId,
    /// What it says of itself.
    pub profile: DeviceProfile,
    /// Its address at the vendor.
    pub vendor: Option<VendorToken>,
    /// Who uses it.
    pub user: Option<UserId>,
    /// Since when they do: a message to a user is for the devices that were theirs when its release began.
    pub user_since: Option<UnixMillis>,
    /// What they want to be spared.
    pub preferences: Preferences,
    /// Free labels; at most [`crate::limits::DEVICE_MAX_TAGS`], sorted, no duplicates.
    pub tags: Vec<String>,
    /// Life of its mailbox.
    pub epoch: Epoch,
    /// Which fleet key its secret derives from.
    pub key_id: u32,
    /// Which generation of its secret is valid.
    pub credential_generation: u32,
    /// When it registered.
    pub created_at: UnixMillis,
    /// When it last registered, reported or changed.
    pub updated_at: UnixMillis,
    /// When it last had a link, exact to a day, or registered.
    pub seen_at: UnixMillis,
    /// Raised by each change; a change names the one it read.
    pub revision: u64,
    /// Which way broadcasts took to it, oldest first; at most [`crate::limits::DEVICE_MAX_LANE_CHANGES`]. None = always the feed.
    pub lanes: Vec<LaneChange>,
}

impl Device {
    /// Which of the [`crate::limits::FANOUT_SEGMENTS`] segments the device is enumerated in: its first byte's top bits,
    /// which are random.
    #[must_use]
    pub const fn segment(id: &DeviceId) -> u8 {
        id.as_bytes()[0] >> 2
    }
}
