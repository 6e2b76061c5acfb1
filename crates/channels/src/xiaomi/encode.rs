//! A message becomes a request (pId 1559).

use std::fmt;

use homing_domain::Millis;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Uri};
use serde_json::Value;

use super::conversation::Conversation;
use super::credential::Credential;
use super::form::Form;
use super::{TARGETS_MAX, decode};
use crate::addressing::{distinct, texts};
use crate::app_data::{app_data, replaced_by_number};
use crate::client_credentials::authorization;
use crate::json_answer::{FORM, post, uri};
use crate::one_request::OneRequest;
use crate::{
    CallbackEventKind, Category, Click, Content, EncodeError, Exchange, Operation, Origins, Push, Recipients, Request,
    Surroundings,
};

/// Longest time that Xiaomi keeps a message: two weeks.
const TIME_TO_LIVE_MAX: Millis = 14 * 24 * 3_600 * 1_000;
/// Shortest: what 0 means is not documented, and the usual is two weeks.
const TIME_TO_LIVE_MIN: Millis = 1_000;

/// Whom a request may name. Put in last, so that what the business wrote cannot reach others than those whose answers are read.
const RECIPIENTS: [&str; 6] = ["registration_id", "alias", "user_account", "topic", "topics", "topic_op"];

/// Where a push goes and what it says; the registration ids, if it names such, are put in for each request.
#[derive(Clone)]
pub(super) struct Pushing {
    uri: Uri,
    /// The header that authorises.
    key: HeaderValue,
    form: Form,
}

impl fmt::Debug for Pushing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushing").field("path", &self.uri.path()).finish_non_exhaustive()
    }
}

impl Pushing {
    fn new(credential: &Credential, origins: &Origins, path: &str, form: Form) -> Result<Self, EncodeError> {
        let key = authorization(&format!("key={}", credential.app_secret.expose()))?;
        Ok(Self { uri: uri(origins.base_url(credential.site), path)?, key, form })
    }

    /// The request to these.
    pub(super) fn request(&self, ids: &[String]) -> Result<Request, EncodeError> {
        let mut form = self.form.clone();
        form.put("registration_id", joined(ids)?);
        Ok(self.with(&form))
    }

    fn with(&self, form: &Form) -> Request {
        let mut request = post(self.uri.clone(), FORM, form.body());
        request.http.headers_mut().insert(AUTHORIZATION, self.key.clone());
        request
    }
}

/// The first request of an operation.
pub(super) fn begin(
    credential: &Credential,
    around: &Surroundings<'_>,
    operation: &Operation,
) -> Result<Box<dyn Exchange>, EncodeError> {
    match operation {
        Operation::Push(push) => pushed(credential, around, push),
        Operation::Subscribe { topic, tokens } => {
            let mut form = Form::default();
            form.put("topic", topic.as_str());
            let request = Pushing::new(credential, around.origins, "/v2/topic/subscribe", form)?.request(tokens)?;
            Ok(Box::new(OneRequest { request, targets: tokens.clone(), read: decode::read }))
        }
        Operation::CreateBroadcastChannel { .. } => Err(EncodeError::Unsupported("broadcast channels")),
        // The interface that told is closed; receipts of type 16 tell (pId 1558).
        Operation::FetchDeadTokens => Err(EncodeError::Unsupported("list of dead tokens")),
    }
}

fn pushed(credential: &Credential, around: &Surroundings<'_>, push: &Push) -> Result<Box<dyn Exchange>, EncodeError> {
    let mut form = message(credential, &push.content);
    if let (Some(url), mask @ 1..) = (around.callback_url, callback_mask(&push.receipts)) {
        form.put("extra.callback", url);
        form.put("extra.callback.param", push.content.message_id.as_str());
        form.put("extra.callback.type", mask.to_string());
    }
    form.merge(&push.content.overrides);
    for name in RECIPIENTS {
        form.remove(name);
    }
    form.check()?;
    let path = match &push.to {
        Recipients::Tokens(tokens) => {
            let targets = texts(tokens, TARGETS_MAX)?;
            let pushing = Pushing::new(credential, around.origins, "/v3/message/regid", form)?;
            return Ok(Box::new(Conversation::begin(pushing, targets)?));
        }
        Recipients::Aliases(aliases) => {
            if aliases.iter().any(|alias| !is_one(alias)) {
                return Err(EncodeError::Refused("an alias is not empty and has no comma".to_owned()));
            }
            form.put("alias", joined(aliases)?);
            "/v3/message/alias"
        }
        Recipients::Topic(topic) => {
            form.put("topic", topic.as_str());
            "/v3/message/topic"
        }
        Recipients::Everyone => "/v3/message/all",
        Recipients::BroadcastChannel(_) => return Err(EncodeError::Unsupported("broadcast channels")),
    };
    let pushing = Pushing::new(credential, around.origins, path, form)?;
    let request = pushing.with(&pushing.form);
    Ok(Box::new(OneRequest { request, targets: Vec::new(), read: decode::read }))
}

/// What is shown, and how.
fn message(credential: &Credential, content: &Content) -> Form {
    let mut form = Form::default();
    form.put("restricted_package_name", credential.package.as_str());
    form.put("pass_through", if content.silent { "1" } else { "0" });
    form.put("payload", Value::Object(app_data(content)).to_string());
    form.put("time_to_live", content.time_to_live.clamp(TIME_TO_LIVE_MIN, TIME_TO_LIVE_MAX).to_string());
    if content.silent {
        return form;
    }
    for (name, text) in [("title", &content.title), ("description", &content.body)] {
        if let Some(text) = text {
            form.put(name, text.as_str());
        }
    }
    // Sound, vibration and light, as the person set them.
    form.put("notify_type", "-1");
    form.put("notify_id", replaced_by_number(content).to_string());
    match &content.click {
        Click::OpenApp => form.put("extra.notify_effect", "1"),
        Click::Intent(intent) => {
            form.put("extra.notify_effect", "2");
            form.put("extra.intent_uri", intent.as_str());
        }
        Click::Url(url) => {
            form.put("extra.notify_effect", "3");
            form.put("extra.web_uri", url.as_str());
        }
    }
    // Approved for what people expect; marketing in it costs the app the approval.
    if let (Category::Service, Some(channel_id)) = (content.category, &credential.channel_id) {
        form.put("extra.channel_id", channel_id.as_str());
    }
    form
}

/// Which receipts are asked for: a sum. Xiaomi's usual 3 is 1 and 2 already.
fn callback_mask(receipts: &[CallbackEventKind]) -> u32 {
    const ALL: [CallbackEventKind; 4] = [
        CallbackEventKind::Delivered,
        CallbackEventKind::Opened,
        CallbackEventKind::InvalidToken,
        CallbackEventKind::Dropped,
    ];
    let bits = |kind: &CallbackEventKind| match kind {
        CallbackEventKind::Delivered => 1,
        CallbackEventKind::Opened => 2,
        CallbackEventKind::InvalidToken => 16,
        // Notifications off, not matched by a filter, over the quota, expired.
        CallbackEventKind::Dropped => 32 | 64 | 128 | 1_024,
        // Xiaomi does not tell.
        CallbackEventKind::Displayed => 0,
    };
    let wanted = if receipts.is_empty() { &ALL } else { receipts };
    wanted.iter().map(bits).fold(0, |mask, bits| mask | bits)
}

/// With commas between. One that holds a comma would be several: it is left out, and read as dead.
fn joined(texts: &[String]) -> Result<String, EncodeError> {
    if texts.is_empty() || texts.len() > TARGETS_MAX {
        return Err(EncodeError::Misused("a request names 1 to 1,000"));
    }
    let texts: Vec<&str> = distinct(texts).into_iter().filter(|text| is_one(text)).collect();
    if texts.is_empty() {
        return Err(EncodeError::Refused("no token can be one of Xiaomi's".to_owned()));
    }
    Ok(texts.join(","))
}

/// Whether it stays one among others.
pub(super) fn is_one(text: &str) -> bool {
    !text.is_empty() && !text.contains(',')
}
