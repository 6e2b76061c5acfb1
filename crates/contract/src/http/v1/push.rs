//! `POST /v1/messages`.

use std::collections::BTreeMap;

use bytes::Bytes;
use homing_domain::{
    Audience, Channel, DeviceId, Exclusion, Localization, MessageId, Options, Schedule, Stage, UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::audience::AudienceRequest;
use super::content::Content;
use super::message::StageName;
use super::notification::Notification;
use super::options::OptionsRequest;
use super::schedule::ScheduleRequest;
use crate::http::{Checked, Violations};

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
    /// The notification in other languages, by language tag. A device gets the one nearest to its locale; what a language
    /// leaves out is as in `notification`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"zh-CN": {"title": "您的包裹已送达"}, "de": {"title": "Ihr Paket ist da"}}))]
    pub localizations: Option<BTreeMap<String, Notification>>,
    /// Fields for single vendors' channels, by the channel's name. They are part of the vendor's own message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    pub channels: Option<BTreeMap<String, Map<String, Value>>>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushValidated {
    /// Always true: a request that is not valid is a problem.
    pub valid: bool,
    /// Whether it would show nothing.
    pub silent: bool,
    /// What devices would get, bytes of JSON; at most 4,096.
    pub payload_bytes: usize,
    /// The same by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub localizations: BTreeMap<String, usize>,
}

impl From<&ValidPush> for PushValidated {
    fn from(push: &ValidPush) -> Self {
        let size = |localization: &Localization| (localization.language.clone(), localization.payload.len());
        Self {
            valid: true,
            silent: push.options.silent,
            payload_bytes: push.payload.len(),
            localizations: push.localizations.iter().map(size).collect(),
        }
    }
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

impl PushRequest {
    /// Checks everything, as of `now`. `device_of_token` answers which device a push token of this app names.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self, now: UnixMillis, device_of_token: &dyn Fn(&str) -> Option<DeviceId>) -> Checked<ValidPush> {
        let mut wrong = Violations::default();
        let audience = wrong.take(self.audience.check("/audience", device_of_token));
        let content = Content {
            notification: self.notification.as_ref(),
            data: self.data.as_ref(),
            localizations: self.localizations.as_ref(),
            channels: self.channels.as_ref(),
        };
        let content = wrong.take(content.check());
        let options = wrong.take(self.options.unwrap_or_default().check("/options"));
        let at_once = Ok((Schedule::Now, None));
        let scheduled = wrong.take(self.schedule.map_or(at_once, |schedule| schedule.check(now, "/schedule")));
        match (audience, content, options, scheduled) {
            (Some((audience, exclude)), Some(content), Some(options), Some((schedule, release_at))) => {
                wrong.or(ValidPush {
                    audience,
                    exclude,
                    payload: content.payload,
                    localizations: content.localizations,
                    overrides: content.overrides,
                    options: Options { silent: self.notification.is_none(), ..options },
                    schedule,
                    release_at,
                    validate_only: self.validate_only,
                })
            }
            _ => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests;
