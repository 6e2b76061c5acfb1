//! What a message brings: in the default language, in others, and by single channels.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use homing_domain::limits::{LANGUAGE_TAG_MAX_BYTES, LOCALIZATIONS_MAX, PAYLOAD_MAX_BYTES};
use homing_domain::{Channel, Localization};
use serde::Serialize;
use serde_json::{Map, Value};

use super::channel_limits::ChannelLimits;
use super::notification::Notification;
use crate::http::{Checked, Violations, pointer};

/// What a request says about it.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) notification: Option<&'a Notification>,
    pub(super) data: Option<&'a Map<String, Value>>,
    pub(super) localizations: Option<&'a BTreeMap<String, Notification>>,
    pub(super) channels: Option<&'a BTreeMap<String, Map<String, Value>>>,
}

/// The same, rendered once for all devices.
pub(super) struct Rendered {
    pub(super) payload: Bytes,
    pub(super) localizations: Vec<Localization>,
    pub(super) overrides: Vec<(Channel, Bytes)>,
}

impl Content<'_> {
    /// Checks and renders it.
    pub(super) fn check(self) -> Checked<Rendered> {
        let mut wrong = Violations::default();
        let payload = wrong.take(self.default_rendering());
        let localized = wrong.take(self.localized());
        let channels = wrong.take(self.named_channels());
        // What is too large for every device need not be measured for some.
        let (Some(payload), Some(localized), Some(channels)) = (payload, localized, channels) else {
            return Err(wrong);
        };
        let mut localizations = Vec::with_capacity(localized.len());
        let default_at = if self.notification.is_some() { "/notification" } else { "/data" };
        let mut sizes = vec![(default_at.to_owned(), payload.len())];
        for (tag, notification) in &localized {
            let at = pointer("/localizations", tag);
            if let Some(payload) = wrong.take(render(Some(notification), self.data, &at)) {
                sizes.push((at, payload.len()));
                localizations.push(Localization { language: tag.to_ascii_lowercase(), payload });
            }
        }
        let mut overrides = Vec::with_capacity(channels.len());
        for (channel, fields) in channels {
            let limits = ChannelLimits::of(channel);
            wrong.take(limits.check_fields(fields));
            wrong.take(limits.check_texts(fields, &self.texts()));
            wrong.take(limits.check_data(self.data));
            let json = to_json(fields);
            wrong.take(limits.check_bytes(json.len(), &sizes));
            overrides.push((channel, json.into()));
        }
        wrong.or(Rendered { payload, localizations, overrides })
    }

    fn default_rendering(&self) -> Checked<Bytes> {
        let mut wrong = Violations::default();
        if self.notification.is_none() && self.data.is_none() {
            wrong.add("content_required", "", "must have a notification or data");
        }
        if let Some(notification) = self.notification {
            wrong.take(notification.check("/notification"));
        }
        match wrong.take(render(self.notification, self.data, "/notification")) {
            Some(payload) => wrong.or(payload),
            None => Err(wrong),
        }
    }

    /// The notification in each other language: with the default's fields where it has none of its own.
    fn localized(&self) -> Checked<Vec<(&String, Notification)>> {
        let Some(localizations) = self.localizations.filter(|localizations| !localizations.is_empty()) else {
            return Ok(Vec::new());
        };
        let Some(default) = self.notification else {
            let message = "must be there, for the devices whose language localizations does not have";
            return Err(Violations::one("content_required", "/notification", message));
        };
        let mut wrong = Violations::default();
        if localizations.len() > LOCALIZATIONS_MAX {
            wrong.add("too_many", "/localizations", format!("must be at most {LOCALIZATIONS_MAX} languages"));
        }
        let mut seen = HashSet::with_capacity(localizations.len());
        let mut all = Vec::with_capacity(localizations.len());
        for (tag, own) in localizations {
            let at = pointer("/localizations", tag);
            if !is_language_tag(tag) {
                wrong.add("invalid_language", &*at, "must be a language tag such as de, zh-CN or zh-Hant");
            } else if !seen.insert(tag.to_ascii_lowercase()) {
                wrong.add("invalid_language", &*at, "must not name a language that is named already in other letters");
            }
            wrong.take(own.check_fields(&at));
            let merged = own.over(default);
            if *own == Notification::default() {
                wrong.add("empty", at, "must have a field that differs from the notification's");
            } else if merged.is_blank() && !default.is_blank() {
                wrong.add("notification_empty", at, "must have a title or a body");
            }
            all.push((tag, merged));
        }
        wrong.or(all)
    }

    fn named_channels(&self) -> Checked<Vec<(Channel, &Map<String, Value>)>> {
        let mut wrong = Violations::default();
        let mut named = Vec::new();
        for (name, fields) in self.channels.into_iter().flatten() {
            match name.parse() {
                Ok(channel) if channel != Channel::Own => named.push((channel, fields)),
                _ => {
                    let known: Vec<_> = Channel::ALL.into_iter().skip(1).map(Channel::name).collect();
                    let message = format!("must be one of {}", known.join(", "));
                    wrong.add("unknown_channel", pointer("/channels", name), message);
                }
            }
        }
        wrong.or(named)
    }

    /// All texts as they stand in the request.
    fn texts(&self) -> Vec<(String, &Notification)> {
        let default = self.notification.map(|notification| ("/notification".to_owned(), notification));
        let others = self.localizations.into_iter().flatten();
        let others = others.map(|(tag, notification)| (pointer("/localizations", tag), notification));
        default.into_iter().chain(others).collect()
    }
}

/// What one device gets.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<&'a Notification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Map<String, Value>>,
}

/// Renders a payload. What is too large is blamed on its larger half: what is shown stands at `seen_at`.
fn render(notification: Option<&Notification>, data: Option<&Map<String, Value>>, seen_at: &str) -> Checked<Bytes> {
    let payload = to_json(&Payload { notification, data });
    if payload.len() <= PAYLOAD_MAX_BYTES {
        return Ok(payload.into());
    }
    let seen = to_json(&Payload { notification, data: None }).len();
    let blamed = if seen * 2 > payload.len() { seen_at } else { "/data" };
    let message =
        format!("notification and data are {} bytes of JSON together, at most {PAYLOAD_MAX_BYTES} fit", payload.len());
    Err(Violations::one("payload_too_large", blamed, message))
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts, numbers and JSON values always serialize, and all keys are strings")
}

/// Whether it has the form of RFC 5646: a language, and subtags after hyphens.
fn is_language_tag(text: &str) -> bool {
    let is_subtag =
        |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let language = text.split('-').next().unwrap_or_default();
    let is_language = (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    text.len() <= LANGUAGE_TAG_MAX_BYTES && is_language && text.split('-').all(is_subtag)
}

#[cfg(test)]
mod tests;
