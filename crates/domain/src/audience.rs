//! Who a message is for.

use crate::id::{DeviceId, UserId};

/// Who a message is for, as the sender said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// These devices; at most [`crate::limits::AUDIENCE_MAX_NAMES`], no duplicates.
    Devices(Vec<DeviceId>),
    /// All devices bound to these users at release; at most [`crate::limits::AUDIENCE_MAX_NAMES`], no duplicates.
    Users(Vec<UserId>),
    /// Every device of the app that was registered before release.
    All,
}
