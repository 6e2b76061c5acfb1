//! `GET /v1/presence`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a device is online.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DevicePresence {
    /// Which device.
    #[schema(format = Uuid)]
    pub device_id: String,
    /// Whether the app has it.
    pub found: bool,
    /// Whether a live gateway holds its link.
    pub online: bool,
    /// Which gateway that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
}

/// Whether a user is online.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserPresence {
    /// Which user.
    pub user_id: String,
    /// Whether one of the devices is.
    pub online: bool,
    /// The devices bound to the user.
    pub devices: Vec<DevicePresence>,
}

/// Who is online.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresenceView {
    /// The devices asked for, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DevicePresence>,
    /// The users asked for, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserPresence>,
}
