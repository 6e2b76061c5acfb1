//! Who a message is for.

use std::collections::HashSet;
use std::hash::Hash;

use homing_domain::limits::AUDIENCE_MAX_NAMES;
use homing_domain::{Audience, DeviceId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Checked, Violations, pointer};

/// Who a message is for: exactly one of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct AudienceRequest {
    /// Device ids or push tokens; a repeated one counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000, min_items = 1, example = json!(["018f4e1c-7a52-7d4e-9a3b-1c2d3e4f5a6b"]))]
    pub devices: Option<Vec<String>>,
    /// Your own names of users; every device bound to one of them gets the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000, min_items = 1)]
    pub users: Option<Vec<String>>,
    /// `true`: every device of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// A tag expression. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// An uploaded audience. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_id: Option<String>,
}

only_objects!(AudienceRequest);

impl AudienceRequest {
    /// These devices.
    #[must_use]
    pub fn devices(names: impl IntoIterator<Item = String>) -> Self {
        Self { devices: Some(names.into_iter().collect()), ..Self::default() }
    }

    /// These users.
    #[must_use]
    pub fn users(names: impl IntoIterator<Item = String>) -> Self {
        Self { users: Some(names.into_iter().collect()), ..Self::default() }
    }

    /// Every device.
    #[must_use]
    pub fn all() -> Self {
        Self { all: Some(true), ..Self::default() }
    }

    pub(super) fn check(self, at: &str, device_of_token: &dyn Fn(&str) -> Option<DeviceId>) -> Checked<Audience> {
        let named = [
            self.devices.is_some(),
            self.users.is_some(),
            self.all.is_some(),
            self.expression.is_some(),
            self.audience_id.is_some(),
        ];
        match named.into_iter().filter(|named| *named).count() {
            0 => return Err(Violations::one("audience_required", at, "name one of devices, users, all")),
            1 => {}
            _ => return Err(Violations::one("audience_ambiguous", at, "name only one of devices, users, all")),
        }
        if let Some(names) = self.devices {
            let read = |name: &str| match name.parse() {
                Ok(id) => Ok(id),
                Err(_) => device_of_token(name).ok_or("must be a device id (UUID) or a push token of this app"),
            };
            return distinct(&names, &pointer(at, "devices"), "invalid_device", read).map(Audience::Devices);
        }
        if let Some(names) = self.users {
            let read = |name: &str| name.parse::<UserId>().map_err(|error| error.to_string());
            return distinct(&names, &pointer(at, "users"), "invalid_user", read).map(Audience::Users);
        }
        match self.all {
            Some(true) => Ok(Audience::All),
            Some(false) => Err(Violations::one("invalid_value", pointer(at, "all"), "must be true")),
            None => {
                let field = if self.expression.is_some() { "expression" } else { "audience_id" };
                let message = "this kind of audience is not supported yet: use devices, users or all";
                Err(Violations::one("audience_not_supported_yet", pointer(at, field), message))
            }
        }
    }
}

/// Reads each name once, in the order of first mention.
fn distinct<T: Clone + Eq + Hash, E: ToString>(
    names: &[String],
    at: &str,
    code: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Checked<Vec<T>> {
    if names.is_empty() {
        return Err(Violations::one("audience_empty", at, "must name at least one"));
    }
    if names.len() > AUDIENCE_MAX_NAMES {
        let message = format!("must name at most {AUDIENCE_MAX_NAMES}; send several messages for more");
        return Err(Violations::one("audience_too_large", at, message));
    }
    let mut wrong = Violations::default();
    let mut seen = HashSet::with_capacity(names.len());
    let mut read_names = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        match read(name) {
            Ok(value) => {
                if seen.insert(value.clone()) {
                    read_names.push(value);
                }
            }
            Err(error) => wrong.add(code, pointer(at, index), error.to_string()),
        }
    }
    wrong.or(read_names)
}
