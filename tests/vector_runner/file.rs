//! The form of a file. A key that is not known here is an error: it may change what an entry means.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use homing_channels::{Vendor, vendor};
use homing_domain::{Channel, UnixMillis};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

/// The one form there is.
const SCHEMA_VERSION: u32 = 1;
/// The clock of an entry that names none: the moment that vendors' answers in the files are made at, 2026-01-01T00:00:00Z.
const NOW_DEFAULT: UnixMillis = UnixMillis(1_767_225_600_000);

const CHANNELS: [(&str, Channel); 9] = [
    ("apns", Channel::Apns),
    ("fcm", Channel::Fcm),
    ("huawei", Channel::Huawei),
    ("honor", Channel::Honor),
    ("xiaomi", Channel::Xiaomi),
    ("oppo", Channel::Oppo),
    ("vivo", Channel::Vivo),
    ("meizu", Channel::Meizu),
    ("webpush", Channel::WebPush),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    vendor: String,
    schema_version: u32,
    #[serde(default, rename = "notes")]
    _notes: IgnoredAny,
    credentials: Map<String, Value>,
    base_urls: BTreeMap<String, String>,
    #[serde(default)]
    notifications: BTreeMap<String, Map<String, Value>>,
    cases: Vec<Value>,
    #[serde(default)]
    receipts: Vec<Value>,
    #[serde(default)]
    crypto: Vec<Value>,
}

/// A vendor's file.
pub(crate) struct Vectors {
    pub(crate) channel: Channel,
    pub(crate) vendor: &'static dyn Vendor,
    pub(crate) credentials: Map<String, Value>,
    pub(crate) base_urls: BTreeMap<String, String>,
    pub(crate) notifications: BTreeMap<String, Map<String, Value>>,
    /// Read one by one, so that one that cannot be read hides no other.
    pub(crate) cases: Vec<Value>,
    pub(crate) receipts: Vec<Value>,
    pub(crate) crypto: Vec<Value>,
}

impl Vectors {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let wire: Wire = serde_json::from_slice(&std::fs::read(path)?)?;
        if wire.schema_version != SCHEMA_VERSION {
            bail!("schema_version {} is not known", wire.schema_version);
        }
        let (_, channel) = CHANNELS
            .into_iter()
            .find(|(name, _)| *name == wire.vendor)
            .with_context(|| format!("vendor {:?} is not known", wire.vendor))?;
        let vendor = vendor(channel).context("the channel has no vendor")?;
        let Wire { credentials, base_urls, notifications, cases, receipts, crypto, .. } = wire;
        Ok(Self { channel, vendor, credentials, base_urls, notifications, cases, receipts, crypto })
    }
}

/// Reads an entry.
pub(crate) fn entry<T: DeserializeOwned>(value: &Value) -> Result<T> {
    T::deserialize(value).context("its form is not known")
}

/// A case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "certainty")]
    _certainty: IgnoredAny,
    #[serde(default, rename = "why")]
    _why: IgnoredAny,
    pub(crate) now: Option<jiff::Timestamp>,
    pub(crate) input: Input,
    request: Option<Request>,
    response: Option<Response>,
    #[serde(default)]
    steps: Vec<Step>,
    pub(crate) expected_outcome: Expected,
}

impl Case {
    /// One or several.
    pub(crate) fn steps(&mut self) -> Result<Vec<Step>> {
        match (self.request.take(), self.response.take(), std::mem::take(&mut self.steps)) {
            (Some(request), Some(response), steps) if steps.is_empty() => Ok(vec![Step { request, response }]),
            (None, None, steps) if !steps.is_empty() => Ok(steps),
            _ => bail!("a case has either a request and a response, or steps"),
        }
    }
}

/// The moment that an entry names.
pub(crate) fn clock(now: Option<jiff::Timestamp>) -> Result<UnixMillis> {
    let Some(now) = now else { return Ok(NOW_DEFAULT) };
    Ok(UnixMillis(now.as_millisecond().try_into().context("before 1970")?))
}

/// A request and its answer.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) request: Request,
    pub(crate) response: Response,
}

/// What is asked of the vendor.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) notification: Option<String>,
    #[serde(default, rename = "override")]
    pub(crate) overriding: Map<String, Value>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
    pub(crate) aliases: Option<Vec<String>>,
    pub(crate) topic: Option<String>,
    #[serde(default)]
    pub(crate) broadcast: bool,
    pub(crate) subscribe: Option<Subscribe>,
    pub(crate) channel_id: Option<String>,
    pub(crate) create_channel: Option<CreateChannel>,
    pub(crate) live_activity: Option<LiveActivity>,
    pub(crate) api: Option<String>,
    #[serde(default)]
    pub(crate) auth: bool,
    #[serde(default)]
    pub(crate) same_content: bool,
    #[serde(default)]
    pub(crate) feedback: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) token: Option<String>,
    pub(crate) subscription: Option<Value>,
    pub(crate) token_updated_at: Option<jiff::Timestamp>,
    pub(crate) env: Option<String>,
    #[serde(default, rename = "kind")]
    _kind: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscribe {
    pub(crate) topic: String,
    pub(crate) tokens: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateChannel {
    pub(crate) message_storage_policy: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveActivity {
    pub(crate) event: String,
    pub(crate) content_state: Value,
    pub(crate) timestamp: i64,
    pub(crate) stale_date: Option<i64>,
    pub(crate) dismissal_date: Option<i64>,
}

/// What the client has to send.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) path_alternatives: Vec<String>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<Value>,
    #[serde(default)]
    pub(crate) query: Map<String, Value>,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    pub(crate) body: Option<Body>,
    #[serde(default)]
    pub(crate) alternatives: Vec<Alternative>,
    #[serde(default, rename = "why")]
    _why: IgnoredAny,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    #[serde(rename = "type")]
    pub(crate) kind: BodyKind,
    #[serde(default)]
    pub(crate) r#match: Value,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BodyKind {
    Json,
    Form,
    Raw,
    None,
}

/// Another form of a request that is right too.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alternative {
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    #[serde(default)]
    pub(crate) body_match: Map<String, Value>,
    #[serde(default, rename = "why")]
    _why: IgnoredAny,
}

/// What the server answers.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Response {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) body: Value,
    #[serde(default, rename = "why")]
    _why: IgnoredAny,
}

/// What the client has to make of it. Missing = not looked at; `null` = there must be none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) class: String,
    pub(crate) invalid_tokens: Option<Vec<String>>,
    pub(crate) retry_tokens: Option<Vec<String>>,
    pub(crate) per_token: Option<BTreeMap<String, String>>,
    pub(crate) per_alias: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) vendor_msg_id: Option<Value>,
    pub(crate) vendor_msg_ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) vendor_task_id: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) channel_id: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) retry_after_s: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) cache_s: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) not_before: Option<Value>,
    #[serde(default)]
    pub(crate) keep_tokens: bool,
    pub(crate) refresh_auth: Option<bool>,
    #[serde(default, rename = "why")]
    _why: IgnoredAny,
}

/// Tells `null` from nothing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What a vendor tells later.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipt {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "certainty")]
    _certainty: IgnoredAny,
    #[serde(default, rename = "why")]
    _why: IgnoredAny,
    #[serde(default)]
    pub(crate) reject: bool,
    pub(crate) now: Option<jiff::Timestamp>,
    pub(crate) raw: Raw,
    pub(crate) verification: Option<Verification>,
    pub(crate) expected_events: Vec<Event>,
    pub(crate) expected_reply: Option<Value>,
    pub(crate) expected_status: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<Value>,
    pub(crate) body_form: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verification {
    #[serde(default, rename = "scheme")]
    _scheme: IgnoredAny,
    pub(crate) secret: Option<String>,
    pub(crate) user_name: Option<String>,
    pub(crate) access_token: Option<String>,
    pub(crate) now: Option<jiff::Timestamp>,
}

/// An event, ordered as the files say: by token, then kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) token: String,
    pub(crate) kind: String,
    pub(crate) msg_id: Option<String>,
    pub(crate) vendor_msg_id: Option<String>,
    pub(crate) at: Option<jiff::Timestamp>,
    pub(crate) reason: Option<String>,
}
