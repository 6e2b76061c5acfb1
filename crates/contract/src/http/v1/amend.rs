//! `PATCH /v1/messages/{id}`.

use std::collections::BTreeMap;

use homing_domain::{AmendedContent, AmendedRelease, Amendment, DeviceId, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::app::present;
use super::audience::AudienceRequest;
use super::content::Content;
use super::notification::Notification;
use super::options::OptionsRequest;
use super::schedule::{ScheduleRequest, lives_from};
use crate::http::{Checked, Violations};

/// Changes to a message that waits for its time; what is left out stays. `audience`, `options` and `schedule` are replaced
/// whole. So is the content: `notification`, `data`, `localizations` and `channels` are one, because a message keeps what
/// was made of them all; when one of them is named, those left out are gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct MessagePatch {
    /// Who it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<AudienceRequest>,
    /// What people see. A message without it is silent: only the app gets its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<Notification>,
    /// What the app gets: any JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Map<String, Value>>,
    /// The notification in other languages, by language tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localizations: Option<BTreeMap<String, Notification>>,
    /// Fields for single vendors' channels, by the channel's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    pub channels: Option<BTreeMap<String, Map<String, Value>>>,
    /// How it is to be delivered. What it leaves out is as when a message is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<OptionsRequest>,
    /// When to send it; `null` sends it at once. A recurring message counts anew.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Option<ScheduleRequest>>,
}

only_objects!(MessagePatch);

impl MessagePatch {
    /// Checks everything, as of `now`. `device_of_token` answers which device a push token of this app names.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self, now: UnixMillis, device_of_token: &dyn Fn(&str) -> Option<DeviceId>) -> Checked<Amendment> {
        if self == Self::default() {
            return Err(Violations::one("empty", "", "must change something"));
        }
        let mut wrong = Violations::default();
        let content = wrong.take(self.check_content());
        let audience = self.audience.map(|audience| audience.check("/audience", device_of_token));
        let audience = wrong.take(audience.transpose());
        let options = wrong.take(self.options.map(|options| options.check("/options")).transpose());
        let release = self.schedule.map(|schedule| check_release(schedule, now));
        let release = wrong.take(release.transpose());
        match (audience, content, options, release) {
            (Some(audience), Some(content), Some(options), Some(release)) => {
                wrong.or(Amendment { audience, content, options, release })
            }
            _ => Err(wrong),
        }
    }

    fn check_content(&self) -> Checked<Option<AmendedContent>> {
        let content = Content {
            notification: self.notification.as_ref(),
            data: self.data.as_ref(),
            localizations: self.localizations.as_ref(),
            channels: self.channels.as_ref(),
        };
        if (content.notification, content.data, content.localizations, content.channels) == (None, None, None, None) {
            return Ok(None);
        }
        let rendered = content.check()?;
        Ok(Some(AmendedContent {
            payload: rendered.payload,
            localizations: rendered.localizations,
            overrides: rendered.overrides,
            silent: content.notification.is_none(),
        }))
    }
}

fn check_release(schedule: Option<ScheduleRequest>, now: UnixMillis) -> Checked<AmendedRelease> {
    let Some(schedule) = schedule else {
        return Ok(AmendedRelease { lives_from: now, ..AmendedRelease::default() });
    };
    let (schedule, at) = schedule.check(now, "/schedule")?;
    // A time that lies a little back means at once: its time to live must not begin before the request.
    let at = at.map(|at| at.max(now));
    let lives_from = lives_from(&schedule, at, now);
    Ok(AmendedRelease { schedule, at, lives_from })
}

#[cfg(test)]
mod tests {
    use homing_domain::{Audience, Schedule};
    use serde_json::json;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn check(patch: Value) -> Checked<Amendment> {
        serde_json::from_value::<MessagePatch>(patch).unwrap().check(NOW, &|_| None)
    }

    #[test]
    fn what_is_left_out_stays() {
        let only_audience = check(json!({"audience": {"all": true}})).unwrap();
        assert_eq!(only_audience.audience.map(|(audience, _)| audience), Some(Audience::All));
        assert_eq!((only_audience.content, only_audience.options, only_audience.release), (None, None, None));
        let only_content = check(json!({"data": {"a": 1}})).unwrap();
        let content = only_content.content.unwrap();
        assert_eq!((&*content.payload, content.silent), (&br#"{"data":{"a":1}}"#[..], true));
        assert_eq!((only_content.audience, only_content.options, only_content.release), (None, None, None));
        assert_eq!(check(json!({"options": {"ttl_seconds": 7}})).unwrap().options.unwrap().ttl_seconds, 7);
    }

    #[test]
    fn a_time_may_be_changed_or_removed() {
        let release = |schedule: Value| check(json!({ "schedule": schedule })).unwrap().release.unwrap();
        assert_eq!(release(Value::Null), AmendedRelease { schedule: Schedule::Now, at: None, lives_from: NOW });
        let at = UnixMillis(NOW.0 - 20_000);
        let just_over = AmendedRelease { schedule: Schedule::At(at), at: Some(NOW), lives_from: NOW };
        assert_eq!(release(json!({"at": "2023-11-14T22:13:00Z"})), just_over);
        let local = release(json!({"at_local": "2023-11-15T12:00:00"}));
        let hours = |count: u64| count * 3_600_000;
        assert_eq!((local.at, local.lives_from.since(NOW.minus(800_000)) / hours(1)), (Some(NOW), 26));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        for (patch, expected) in [
            (json!({}), vec![("empty", "")]),
            (
                json!({"localizations": {"de": {"title": "x"}}}),
                vec![("content_required", ""), ("content_required", "/notification")],
            ),
            (
                json!({"audience": {}, "options": {"ttl_seconds": -1}, "schedule": {"cron": "x"}}),
                vec![
                    ("audience_required", "/audience"),
                    ("out_of_range", "/options/ttl_seconds"),
                    ("invalid_cron", "/schedule/cron"),
                ],
            ),
        ] {
            let wrong = check(patch.clone()).unwrap_err().into_vec();
            assert_eq!(
                wrong.iter().map(|wrong| (&*wrong.code, &*wrong.pointer)).collect::<Vec<_>>(),
                expected,
                "{patch}"
            );
        }
        for patch in [json!({"validate_only": true}), json!({"schedule": 5}), json!([])] {
            assert!(serde_json::from_value::<MessagePatch>(patch.clone()).is_err(), "{patch}");
        }
    }
}
