//! Devices: registration, reports, bindings.

mod preferences;
mod register;
mod view;

use std::collections::BTreeSet;

use homing_calendar::check_zone;
use homing_domain::limits::{AUDIENCE_MAX_NAMES, DEVICE_MAX_TAGS, TAG_MAX_BYTES};
use homing_domain::{Device, DeviceId, UserId, VendorToken};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use preferences::QuietHoursView;
pub use register::{PlatformName, RegisterDevice, VendorAddress};
pub use view::{DeviceView, RegisteredDevice, VendorView};

use preferences::topics;

use super::app::present;
use super::text::{line, optional_line};
use crate::http::{Checked, Violations, pointer};

/// Longest text of a device's profile.
const PROFILE_TEXT_MAX_BYTES: usize = 64;

/// Changes to a device; what is left out stays, `null` removes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct DevicePatch {
    /// Maker.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub brand: Option<Option<String>>,
    /// Model.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub model: Option<Option<String>>,
    /// Version of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub os_version: Option<Option<String>>,
    /// Version of the app.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub app_version: Option<Option<String>>,
    /// BCP 47 language tag.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub locale: Option<Option<String>>,
    /// IANA time zone name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub timezone: Option<Option<String>>,
    /// Whether the person lets the app show notifications. While not, the device gets silent messages only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications_enabled: Option<bool>,
    /// When the person is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<QuietHoursView>)]
    pub quiet_hours: Option<Option<QuietHoursView>>,
    /// Topics that the person does not want, at most 32; they replace those before.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>, max_items = 32, example = json!(["offers"]))]
    pub opted_out_topics: Option<Option<Vec<String>>>,
    /// Its address at its vendor.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<VendorAddress>)]
    pub vendor: Option<Option<VendorAddress>>,
}

only_objects!(DevicePatch);

impl DevicePatch {
    /// Makes the changes. `now` is when a new vendor token became known.
    ///
    /// # Errors
    /// All that is wrong; then nothing changed.
    pub fn apply(self, device: &mut Device, now: homing_domain::UnixMillis) -> Checked<()> {
        let mut wrong = Violations::default();
        wrong.take(time_zone(self.timezone.as_ref().and_then(Option::as_ref), "/timezone"));
        let profile = &mut device.profile;
        let texts = [
            ("/brand", self.brand, &mut profile.brand),
            ("/model", self.model, &mut profile.model),
            ("/os_version", self.os_version, &mut profile.os_version),
            ("/app_version", self.app_version, &mut profile.app_version),
            ("/locale", self.locale, &mut profile.locale),
            ("/timezone", self.timezone, &mut profile.timezone),
        ];
        for (at, text, _) in &texts {
            wrong.take(optional_line(text.as_ref().and_then(Option::as_ref), PROFILE_TEXT_MAX_BYTES, at));
        }
        let quiet_hours = self.quiet_hours.map(|hours| hours.map(|hours| hours.check("/quiet_hours")).transpose());
        let quiet_hours = quiet_hours.and_then(|checked| wrong.take(checked));
        let topics = self.opted_out_topics.map(|names| topics(names.unwrap_or_default(), "/opted_out_topics"));
        let topics = topics.and_then(|checked| wrong.take(checked));
        let vendor = self.vendor.map(|vendor| vendor.map(|address| address.check("/vendor", now)).transpose());
        let vendor = vendor.and_then(|checked| wrong.take(checked));
        wrong.or(())?;
        for (_, text, slot) in texts {
            if let Some(text) = text {
                *slot = text;
            }
        }
        if let Some(enabled) = self.notifications_enabled {
            profile.notifications_enabled = enabled;
        }
        if let Some(quiet_hours) = quiet_hours {
            device.preferences.quiet_hours = quiet_hours;
        }
        if let Some(topics) = topics {
            device.preferences.opted_out = topics;
        }
        if let Some(vendor) = vendor {
            device.vendor = keep_since(device.vendor.take(), vendor);
        }
        Ok(())
    }
}

/// Checks the name of a time zone, if there is one: a typing error would move every quiet hour without a word.
fn time_zone(name: Option<&String>, at: &str) -> Checked<()> {
    match name {
        Some(name) if !name.is_empty() && name.len() <= PROFILE_TEXT_MAX_BYTES => {
            check_zone(name).map_err(|error| Violations::one("unknown_timezone", at, error.to_string()))
        }
        // What is no text at all is refused as such.
        _ => Ok(()),
    }
}

/// A token that is reported again has been known since it was first reported.
fn keep_since(old: Option<VendorToken>, new: Option<VendorToken>) -> Option<VendorToken> {
    match (old, new) {
        (Some(old), Some(new)) if old.channel == new.channel && old.token == new.token => Some(old),
        (_, new) => new,
    }
}

/// Who uses the device from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct BindUser {
    /// Your own name of the user.
    #[schema(min_length = 1, max_length = 128, example = "u-1001")]
    pub user_id: String,
}

only_objects!(BindUser);

impl BindUser {
    /// The user.
    ///
    /// # Errors
    /// It is no user id.
    pub fn check(&self) -> Checked<UserId> {
        self.user_id
            .parse()
            .map_err(|error: homing_domain::IdError| Violations::one("invalid_user", "/user_id", error.to_string()))
    }
}

/// All tags of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct SetTags {
    /// At most 32 of at most 64 bytes; they replace those it had.
    #[schema(max_items = 32)]
    pub tags: Vec<String>,
}

only_objects!(SetTags);

impl SetTags {
    /// The tags, sorted, each once.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self) -> Checked<Vec<String>> {
        let mut wrong = Violations::default();
        for (index, tag) in self.tags.iter().enumerate() {
            wrong.take(line(tag, TAG_MAX_BYTES, &pointer("/tags", index)));
        }
        let tags: BTreeSet<_> = self.tags.into_iter().collect();
        if tags.len() > DEVICE_MAX_TAGS {
            wrong.add("too_many", "/tags", format!("must be at most {DEVICE_MAX_TAGS}"));
        }
        wrong.or(tags.into_iter().collect())
    }
}

/// Devices that a business system names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct DeviceIds {
    /// Device ids or push tokens, at most 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    pub devices: Vec<String>,
}

only_objects!(DeviceIds);

impl DeviceIds {
    /// The ids, in the order given.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self, device_of_token: &dyn Fn(&str) -> Option<DeviceId>) -> Checked<Vec<DeviceId>> {
        let mut wrong = Violations::default();
        if self.devices.is_empty() {
            wrong.add("empty", "/devices", "must name at least one");
        }
        if self.devices.len() > AUDIENCE_MAX_NAMES {
            wrong.add("too_many", "/devices", format!("must be at most {AUDIENCE_MAX_NAMES}"));
        }
        let mut devices = Vec::with_capacity(self.devices.len());
        for (index, name) in self.devices.iter().take(AUDIENCE_MAX_NAMES).enumerate() {
            match name.parse().ok().or_else(|| device_of_token(name)) {
                Some(device) => devices.push(device),
                None => wrong.add("invalid_device", pointer("/devices", index), "must be a device id or a push token"),
            }
        }
        wrong.or(devices)
    }
}

/// What became of one device that was named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceChange {
    /// Which device.
    #[schema(format = Uuid)]
    pub device_id: String,
    /// Whether the app has (or had) it; done then.
    pub found: bool,
}

/// What became of the devices that were named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DevicesChanged {
    /// In the order of the request.
    pub results: Vec<DeviceChange>,
}

#[cfg(test)]
mod tests;
