//! `GET /v1/dead-letters` and `POST /v1/dead-letters/redrive`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::{Checked, Violations, pointer};

/// What is shown of a body, in bytes: a shard of 30 devices, and enough of anything to recognise it. 100 dead letters then
/// make an answer of 200 KiB.
pub const DEAD_LETTER_BODY_MAX_BYTES: usize = 2_048;
/// What is shown of a reason, in bytes: a few sentences.
const REASON_MAX_BYTES: usize = 512;
/// Dead letters that one request redrives: on SQS each is received, sent and deleted, within the time of one request.
pub const REDRIVE_MAX_IDS: usize = 100;

/// An item that was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterView {
    /// Names it, to redrive it.
    pub id: String,
    /// In which queue it stood.
    #[schema(example = "dispatch")]
    pub queue: String,
    /// Why it was given up, if anybody said; at most 512 bytes.
    pub reason: Option<String>,
    /// How often it was tried.
    pub receives: u32,
    /// When it was first sent.
    pub sent_at: Timestamp,
    /// The item: as JSON if it is JSON and small enough, else the beginning of its text.
    pub body: Value,
    /// Whether there is more of the body than is shown.
    pub truncated: bool,
}

impl DeadLetterView {
    /// The view of a dead letter. Attributes that stood beside its body are never shown: they may hold a key.
    #[must_use]
    pub fn new(queue: &str, id: &[u8], body: &[u8], receives: u32, sent_at: Timestamp, reason: Option<&str>) -> Self {
        let truncated = body.len() > DEAD_LETTER_BODY_MAX_BYTES;
        let text = || {
            let shown = &body[..body.len().min(DEAD_LETTER_BODY_MAX_BYTES)];
            Value::String(String::from_utf8_lossy(shown).into_owned())
        };
        let json = if truncated { None } else { serde_json::from_slice(body).ok() };
        Self {
            id: URL_SAFE_NO_PAD.encode(id),
            queue: queue.to_owned(),
            reason: reason.map(|reason| reason.split_at(reason.floor_char_boundary(REASON_MAX_BYTES)).0.to_owned()),
            receives,
            sent_at,
            body: json.unwrap_or_else(text),
            truncated,
        }
    }
}

/// Dead letters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterList {
    /// By queue, the oldest first.
    pub dead_letters: Vec<DeadLetterView>,
}

/// Which dead letters are to be tried again: `ids` or `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct RedriveRequest {
    /// Of which queue.
    pub queue: String,
    /// These.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 100)]
    pub ids: Option<Vec<String>>,
    /// All that are there, up to 100; `more` in the answer says whether to ask again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
}

only_objects!(RedriveRequest);

/// Which dead letters are to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToRedrive {
    /// These.
    These(Vec<Bytes>),
    /// All that are there.
    All,
}

impl RedriveRequest {
    /// Which are meant. The queue's name is checked by who knows the queues.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self) -> Checked<ToRedrive> {
        match (self.ids, self.all.unwrap_or(false)) {
            (None, true) => Ok(ToRedrive::All),
            (None, false) => Err(Violations::one("missing_field", "", "needs \"ids\", or \"all\": true")),
            (Some(_), true) => Err(Violations::one("invalid_value", "/all", "goes not with \"ids\"")),
            (Some(ids), false) => ids_of(&ids).map(ToRedrive::These),
        }
    }
}

fn ids_of(ids: &[String]) -> Checked<Vec<Bytes>> {
    if ids.is_empty() {
        return Err(Violations::one("empty", "/ids", "must not be empty"));
    }
    if ids.len() > REDRIVE_MAX_IDS {
        return Err(Violations::one("too_many", "/ids", format!("must be at most {REDRIVE_MAX_IDS}")));
    }
    let mut wrong = Violations::default();
    let mut checked = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        match URL_SAFE_NO_PAD.decode(id) {
            Ok(id) if !id.is_empty() => checked.push(Bytes::from(id)),
            _ => wrong.add("invalid_value", pointer("/ids", index), "is no dead letter's id"),
        }
    }
    wrong.or(checked)
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Redriven {
    /// So many were sent to their queue again. Named ones that are not there any more count too.
    pub redriven: usize,
    /// Whether there may be more: ask again.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(body: &[u8]) -> DeadLetterView {
        DeadLetterView::new("dispatch", b"\0\x01", body, 20, Timestamp::UNIX_EPOCH, Some(&"ü".repeat(1_000)))
    }

    #[test]
    fn a_body_is_shown_as_well_as_it_can_be() {
        let json = view(br#"{"v": 1}"#);
        assert_eq!(
            (json.body, json.truncated, json.reason.map(|reason| reason.len())),
            (json!({"v": 1}), false, Some(512))
        );
        assert_eq!(view(b"\xff{").body, json!("\u{fffd}{"));
        let long = format!("[{}]", "1,".repeat(2_000));
        let long = view(long.as_bytes());
        assert_eq!((long.body.as_str().map(str::len), long.truncated), (Some(DEAD_LETTER_BODY_MAX_BYTES), true));
    }

    #[test]
    fn ids_or_all() {
        let check = |value: Value| {
            let request: RedriveRequest = serde_json::from_value(value).unwrap();
            request.check().map_err(|wrong| wrong.into_vec().remove(0).pointer)
        };
        let id = view(b"").id;
        let ids = check(json!({"queue": "dispatch", "ids": [id]}));
        assert_eq!(ids, Ok(ToRedrive::These(vec![Bytes::from_static(b"\0\x01")])));
        assert_eq!(check(json!({"queue": "dispatch", "all": true})), Ok(ToRedrive::All));
        assert_eq!(check(json!({"queue": "dispatch"})), Err(String::new()));
        assert_eq!(check(json!({"queue": "dispatch", "ids": [id], "all": true})), Err("/all".to_owned()));
        assert_eq!(check(json!({"queue": "dispatch", "ids": ["AAE", "!"]})), Err("/ids/1".to_owned()));
        assert_eq!(check(json!({"queue": "dispatch", "ids": []})), Err("/ids".to_owned()));
        assert_eq!(check(json!({"queue": "dispatch", "ids": vec!["AAE"; 101]})), Err("/ids".to_owned()));
    }
}
