//! Who a message is for.

use std::collections::HashSet;
use std::hash::Hash;

use homing_domain::limits::AUDIENCE_MAX_NAMES;
use homing_domain::{Audience, AudienceId, DeviceId, Exclusion, Expression, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Checked, Violations, pointer};

/// Who a message is for: exactly one of the fields, and `exclude` beside it.
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
    /// A tag expression: every device of the app that it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        max_length = 1024,
        min_length = 1,
        example = "vip && (beijing || shanghai) && !muted && app_version >= 2.10"
    )]
    pub expression: Option<String>,
    /// An audience that was uploaded before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    pub audience_id: Option<String>,
    /// Who of them does not get it. Nobody of these is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<ExcludeRequest>,
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

    /// These devices of all that an expression holds for.
    #[must_use]
    pub fn expression(text: impl Into<String>) -> Self {
        Self { expression: Some(text.into()), ..Self::default() }
    }

    /// Everyone on an uploaded list.
    #[must_use]
    pub fn uploaded(id: impl Into<String>) -> Self {
        Self { audience_id: Some(id.into()), ..Self::default() }
    }

    pub(super) fn check(self, at: &str, device_of_token: DeviceOfToken<'_>) -> Checked<(Audience, Exclusion)> {
        let mut wrong = Violations::default();
        let exclusion = self.exclude.as_ref().map(|exclude| exclude.check(&pointer(at, "exclude"), device_of_token));
        let audience = wrong.take(self.check_included(at, device_of_token));
        let exclusion = exclusion.map_or_else(|| Some(Exclusion::default()), |checked| wrong.take(checked));
        match (audience, exclusion) {
            (Some(audience), Some(exclusion)) => wrong.or((audience, exclusion)),
            _ => Err(wrong),
        }
    }

    fn check_included(self, at: &str, device_of_token: DeviceOfToken<'_>) -> Checked<Audience> {
        const KINDS: &str = "devices, users, expression, audience_id, all";
        let named = [
            self.devices.is_some(),
            self.users.is_some(),
            self.all.is_some(),
            self.expression.is_some(),
            self.audience_id.is_some(),
        ];
        match named.into_iter().filter(|named| *named).count() {
            0 => return Err(Violations::one("audience_required", at, format!("name one of {KINDS}"))),
            1 => {}
            _ => return Err(Violations::one("audience_ambiguous", at, format!("name only one of {KINDS}"))),
        }
        if let Some(names) = self.devices {
            return devices(&names, at, device_of_token).map(Audience::Devices);
        }
        if let Some(names) = self.users {
            return users(&names, at).map(Audience::Users);
        }
        if let Some(text) = self.expression {
            return expression(&text, at).map(Audience::Expression);
        }
        if let Some(id) = self.audience_id {
            return audience_id(&id, at).map(Audience::Uploaded);
        }
        match self.all {
            Some(true) => Ok(Audience::All),
            _ => Err(Violations::one("invalid_value", pointer(at, "all"), "must be true")),
        }
    }
}

/// Who does not get a message although they belong to its audience. The fields add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ExcludeRequest {
    /// Not these devices: ids or push tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000, min_items = 1)]
    pub devices: Option<Vec<String>>,
    /// Not the devices that are bound to these users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000, min_items = 1)]
    pub users: Option<Vec<String>>,
    /// Not the devices that this tag expression holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, min_length = 1, example = "muted || last_seen within 1d")]
    pub expression: Option<String>,
    /// Nobody on this uploaded audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    pub audience_id: Option<String>,
}

only_objects!(ExcludeRequest);

impl ExcludeRequest {
    fn check(&self, at: &str, device_of_token: DeviceOfToken<'_>) -> Checked<Exclusion> {
        if *self == Self::default() {
            return Err(Violations::one("empty", at, "must name somebody, or be left out"));
        }
        let mut wrong = Violations::default();
        let exclusion = Exclusion {
            devices: wrong
                .take(self.devices.as_ref().map_or(Ok(Vec::new()), |names| devices(names, at, device_of_token)))
                .unwrap_or_default(),
            users: wrong.take(self.users.as_ref().map_or(Ok(Vec::new()), |names| users(names, at))).unwrap_or_default(),
            expression: wrong.take(self.expression.as_ref().map(|text| expression(text, at)).transpose()).flatten(),
            uploaded: wrong.take(self.audience_id.as_ref().map(|id| audience_id(id, at)).transpose()).flatten(),
        };
        wrong.or(exclusion)
    }
}

/// Which device a push token of the app names.
type DeviceOfToken<'a> = &'a dyn Fn(&str) -> Option<DeviceId>;

fn devices(names: &[String], at: &str, device_of_token: DeviceOfToken<'_>) -> Checked<Vec<DeviceId>> {
    let read = |name: &str| match name.parse() {
        Ok(id) => Ok(id),
        Err(_) => device_of_token(name).ok_or("must be a device id (UUID) or a push token of this app"),
    };
    distinct(names, &pointer(at, "devices"), "invalid_device", read)
}

fn users(names: &[String], at: &str) -> Checked<Vec<UserId>> {
    let read = |name: &str| name.parse::<UserId>().map_err(|error| error.to_string());
    distinct(names, &pointer(at, "users"), "invalid_user", read)
}

fn expression(text: &str, at: &str) -> Checked<Expression> {
    text.parse().map_err(|error: homing_domain::ExpressionError| {
        Violations::one("invalid_expression", pointer(at, "expression"), error.to_string())
    })
}

fn audience_id(id: &str, at: &str) -> Checked<AudienceId> {
    let message = "must be the id (UUID) of an uploaded audience";
    id.parse().map_err(|_| Violations::one("invalid_audience", pointer(at, "audience_id"), message))
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

#[cfg(test)]
mod tests;
