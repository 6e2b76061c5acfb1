//! Devices.

use bytes::Bytes;
use homing_domain::{
    Device, DeviceId, DeviceProfile, Platform, Preferences, QuietHours, UnixMillis, UserId, VendorToken,
};

use super::code::Code;
use super::lanes::{LanesRow, lanes, lanes_row};
use super::{Stored, Wrong, app_id, id_bytes, optional_time};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeviceRow {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(string, tag = "2")]
    app: String,
    #[prost(message, optional, tag = "3")]
    profile: Option<ProfileRow>,
    #[prost(message, optional, tag = "4")]
    vendor: Option<VendorRow>,
    #[prost(string, optional, tag = "5")]
    user: Option<String>,
    #[prost(string, repeated, tag = "6")]
    tags: Vec<String>,
    #[prost(uint64, tag = "7")]
    epoch: u64,
    #[prost(uint32, tag = "8")]
    key_id: u32,
    #[prost(uint32, tag = "9")]
    credential_generation: u32,
    #[prost(uint64, tag = "10")]
    created_at: u64,
    #[prost(uint64, tag = "11")]
    updated_at: u64,
    #[prost(uint64, tag = "12")]
    revision: u64,
    #[prost(uint64, optional, tag = "13")]
    user_since: Option<u64>,
    #[prost(message, optional, tag = "14")]
    quiet_hours: Option<QuietHoursRow>,
    #[prost(string, repeated, tag = "15")]
    opted_out: Vec<String>,
    /// Missing in rows of the first releases: then it was seen when it was changed.
    #[prost(uint64, optional, tag = "16")]
    seen_at: Option<u64>,
    /// Missing = what follows from the rest of the device, for all times.
    #[prost(message, optional, tag = "17")]
    pub(super) lanes: Option<LanesRow>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct QuietHoursRow {
    #[prost(uint32, tag = "1")]
    start: u32,
    #[prost(uint32, tag = "2")]
    end: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProfileRow {
    #[prost(uint32, tag = "1")]
    platform: u32,
    #[prost(string, optional, tag = "2")]
    brand: Option<String>,
    #[prost(string, optional, tag = "3")]
    model: Option<String>,
    #[prost(string, optional, tag = "4")]
    os_version: Option<String>,
    #[prost(string, optional, tag = "5")]
    app_version: Option<String>,
    #[prost(string, optional, tag = "6")]
    locale: Option<String>,
    #[prost(string, optional, tag = "7")]
    timezone: Option<String>,
    #[prost(bool, tag = "8")]
    notifications_enabled: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct VendorRow {
    #[prost(string, tag = "1")]
    channel: String,
    #[prost(string, tag = "2")]
    token: String,
    #[prost(uint64, tag = "3")]
    since: u64,
}

impl Stored for Device {
    type Row = DeviceRow;

    fn to_row(&self) -> DeviceRow {
        DeviceRow {
            id: id_bytes(self.id.as_bytes()),
            app: self.app.as_str().to_owned(),
            profile: Some(profile_row(&self.profile)),
            vendor: self.vendor.as_ref().map(|vendor| VendorRow {
                channel: vendor.channel.clone(),
                token: vendor.token.clone(),
                since: vendor.since.0,
            }),
            user: self.user.as_ref().map(|user| user.as_str().to_owned()),
            tags: self.tags.clone(),
            epoch: self.epoch,
            key_id: self.key_id,
            credential_generation: self.credential_generation,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            revision: self.revision,
            user_since: optional_time(self.user_since),
            quiet_hours: self
                .preferences
                .quiet_hours
                .map(|hours| QuietHoursRow { start: hours.start.into(), end: hours.end.into() }),
            opted_out: self.preferences.opted_out.clone(),
            seen_at: Some(self.seen_at.0),
            lanes: lanes_row(&self.lanes, self.vendor.as_ref(), &self.preferences),
        }
    }

    fn from_row(row: DeviceRow) -> Result<Self, Wrong> {
        let vendor = row.vendor.map(|vendor| VendorToken {
            channel: vendor.channel,
            token: vendor.token,
            since: UnixMillis(vendor.since),
        });
        let preferences =
            Preferences { quiet_hours: row.quiet_hours.map(quiet_hours).transpose()?, opted_out: row.opted_out };
        Ok(Self {
            id: DeviceId::from_slice(&row.id).ok_or("device")?,
            app: app_id(&row.app)?,
            profile: profile(row.profile.ok_or("profile")?)?,
            lanes: lanes(row.lanes, vendor.as_ref(), &preferences)?,
            vendor,
            user: row.user.map(|user| user.parse::<UserId>().map_err(|_| "user")).transpose()?,
            tags: row.tags,
            epoch: row.epoch,
            key_id: row.key_id,
            credential_generation: row.credential_generation,
            created_at: UnixMillis(row.created_at),
            updated_at: UnixMillis(row.updated_at),
            revision: row.revision,
            user_since: row.user_since.map(UnixMillis),
            preferences,
            seen_at: UnixMillis(row.seen_at.unwrap_or(row.updated_at)),
        })
    }
}

fn quiet_hours(row: QuietHoursRow) -> Result<QuietHours, Wrong> {
    let minute = |minute: u32| u16::try_from(minute).map_err(|_| "quiet hours");
    Ok(QuietHours { start: minute(row.start)?, end: minute(row.end)? })
}

fn profile_row(profile: &DeviceProfile) -> ProfileRow {
    ProfileRow {
        platform: profile.platform.code(),
        brand: profile.brand.clone(),
        model: profile.model.clone(),
        os_version: profile.os_version.clone(),
        app_version: profile.app_version.clone(),
        locale: profile.locale.clone(),
        timezone: profile.timezone.clone(),
        notifications_enabled: profile.notifications_enabled,
    }
}

fn profile(row: ProfileRow) -> Result<DeviceProfile, Wrong> {
    Ok(DeviceProfile {
        platform: Platform::from_code(row.platform)?,
        brand: row.brand,
        model: row.model,
        os_version: row.os_version,
        app_version: row.app_version,
        locale: row.locale,
        timezone: row.timezone,
        notifications_enabled: row.notifications_enabled,
    })
}
