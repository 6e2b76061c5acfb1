//! `POST /v1/messages`.

use bytes::Bytes;
use homing_domain::limits::PAYLOAD_MAX_BYTES;
use homing_domain::{
    Audience, Channel, DeviceId, Exclusion, Localization, MessageId, Options, Schedule, Stage, UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::audience::AudienceRequest;
use super::message::StageName;
use super::notification::Notification;
use super::options::OptionsRequest;
use super::schedule::ScheduleRequest;
use crate::http::{Checked, Violations, pointer};

/// A message to send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct PushRequest {
    /// Who it is for.
    pub audience: AudienceRequest,
    /// What people see. A message without it is silent: only the app gets its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<Notification>,
    /// What the app gets: any JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Map<String, Value>>,
    /// How it is to be delivered.
    #[serde(default)]
    pub options: Option<OptionsRequest>,
    /// Only check the request; nothing is sent or stored.
    #[serde(default)]
    pub validate_only: bool,
    /// Texts by language. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localizations: Option<Map<String, Value>>,
    /// Fields for single channels. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Map<String, Value>>,
    /// When to send it; at once when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleRequest>,
}

only_objects!(PushRequest);

/// The message is durable and on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushAccepted {
    /// Its id through every hop.
    #[schema(format = Uuid)]
    pub message_id: String,
    /// Where it is now.
    pub stage: StageName,
}

impl PushAccepted {
    /// The answer about a message.
    #[must_use]
    pub fn new(message: MessageId, stage: Stage) -> Self {
        Self { message_id: message.to_string(), stage: stage.into() }
    }
}

/// The request would be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushValidated {
    /// Always true: a request that is not valid is a problem.
    pub valid: bool,
}

/// A request that is fit to become a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidPush {
    /// Who it is for.
    pub audience: Audience,
    /// And who of them does not get it.
    pub exclude: Exclusion,
    /// What devices get: `{"notification": …, "data": …}`.
    pub payload: Bytes,
    /// The same in other languages.
    pub localizations: Vec<Localization>,
    /// Fields for single vendors' channels.
    pub overrides: Vec<(Channel, Bytes)>,
    /// How it is to be delivered.
    pub options: Options,
    /// When it is to be released, as the sender said it.
    pub schedule: Schedule,
    /// When that is first; `None` = at once.
    pub release_at: Option<UnixMillis>,
    /// Whether only to check.
    pub validate_only: bool,
}

/// What devices get.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<&'a Notification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Map<String, Value>>,
}

impl PushRequest {
    /// Checks everything, as of `now`. `device_of_token` answers which device a push token of this app names.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self, now: UnixMillis, device_of_token: &dyn Fn(&str) -> Option<DeviceId>) -> Checked<ValidPush> {
        let mut wrong = Violations::default();
        let audience = wrong.take(self.audience.check("/audience", device_of_token));
        if self.notification.is_none() && self.data.is_none() {
            wrong.add("content_required", "", "must have a notification or data");
        }
        if let Some(notification) = &self.notification {
            wrong.take(notification.check("/notification"));
        }
        let payload = wrong.take(render(self.notification.as_ref(), self.data.as_ref()));
        let options = wrong.take(self.options.unwrap_or_default().check("/options"));
        let at_once = Ok((Schedule::Now, None));
        let scheduled = wrong.take(self.schedule.map_or(at_once, |schedule| schedule.check(now, "/schedule")));
        for (field, value) in [("localizations", &self.localizations), ("channels", &self.channels)] {
            if value.as_ref().is_some_and(|value| !value.is_empty()) {
                wrong.add("not_supported_yet", pointer("", field), format!("{field} is not supported yet"));
            }
        }
        match (audience, payload, options, scheduled) {
            (Some(audience), Some(payload), Some(options), Some((schedule, release_at))) => wrong.or(ValidPush {
                audience,
                exclude: Exclusion::default(),
                payload,
                localizations: Vec::new(),
                overrides: Vec::new(),
                options,
                schedule,
                release_at,
                validate_only: self.validate_only,
            }),
            _ => Err(wrong),
        }
    }
}

/// Renders the payload once for all devices. What is too large is blamed on its larger half.
fn render(notification: Option<&Notification>, data: Option<&Map<String, Value>>) -> Checked<Bytes> {
    let json = |payload: &Payload<'_>| {
        serde_json::to_vec(payload).expect("texts, numbers and JSON values always serialize, and all keys are strings")
    };
    let payload = json(&Payload { notification, data });
    if payload.len() <= PAYLOAD_MAX_BYTES {
        return Ok(payload.into());
    }
    let seen = json(&Payload { notification, data: None }).len();
    let blamed = if seen * 2 > payload.len() { "/notification" } else { "/data" };
    let message =
        format!("notification and data are {} bytes of JSON together, at most {PAYLOAD_MAX_BYTES} fit", payload.len());
    Err(Violations::one("payload_too_large", blamed, message))
}

#[cfg(test)]
mod tests;
