//! An answer becomes outcomes. All come with status 200 and a number in `code`.

use std::collections::HashMap;

use homing_domain::UnixMillis;
use serde_json::{Map, Value};

use super::Region;
use crate::china_clock::next_hour_in_china;
use crate::json_answer::{UNREADABLE, object, text};
use crate::{Answers, Class, Outcome, Response};

/// "The registration id has a wrong format".
const INVALID_ID: &str = "10000";
/// "Not subscribed"; for some accounts also "notifications are off". So the token stays.
const UNSUBSCRIBED: &str = "10001";
/// "Invalid auth token".
const STALE_ACCESS: &str = "11";

/// What a code means that is no success. `open.oppomobile.com`, return codes.
fn class(code: &str) -> Class {
    match code {
        "-1" => Class::Retry,
        "-2" | "13" | "55" => Class::RetryLater,
        STALE_ACCESS | "14" | "15" | "16" | "17" | "18" | "19" | "26" | "27" | "28" | "29" | "30" | "59" => {
            Class::AuthError
        }
        "33" | "34" | "42" => Class::Quota,
        INVALID_ID | UNSUBSCRIBED => Class::InvalidToken,
        _ => Class::BadRequest,
    }
}

/// Whom an answer is about.
#[derive(Debug)]
pub(super) struct Targets {
    /// Registration ids in the order of the targets.
    pub(super) tokens: Vec<String>,
    /// Whose servers were asked.
    pub(super) region: Region,
}

impl Targets {
    /// What a code means for one registration id. 10004 and 10005: it has the message already.
    fn outcome(&self, code: &str, token: &str) -> Outcome {
        match code {
            "0" | "10004" | "10005" => Outcome::of(Class::Accepted, code),
            // Another region's servers do not know an id that is good there.
            INVALID_ID if Region::of_token(token) == self.region => Outcome::dead(code),
            _ => Outcome::of(class(code), code),
        }
    }

    fn all(&self, outcome: &Outcome) -> Answers {
        Answers::all(outcome, self.tokens.len())
    }
}

/// A code of the whole that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    class: Class,
    code: String,
}

impl Refusal {
    fn unreadable() -> Self {
        Self { class: Class::Retry, code: UNREADABLE.to_owned() }
    }

    /// For so many targets: a code that is about one id says nothing of which one it was.
    pub(super) fn for_all(self, now: UnixMillis, targets: usize) -> Answers {
        let class = if self.class == Class::InvalidToken { Class::BadRequest } else { self.class };
        Answers {
            refresh_access: self.code == STALE_ACCESS,
            not_before: (class == Class::Quota).then(|| next_hour_in_china(now, 0)),
            ..Answers::all(&Outcome::of(class, self.code), targets)
        }
    }
}

/// Whether an id can stand in a list: a separator in it would name another device.
pub(super) fn can_be_listed(token: &str) -> bool {
    !token.is_empty() && !token.contains([';', ','])
}

/// The data of a success.
pub(super) fn data(response: &Response) -> Result<Value, Refusal> {
    let mut body = object(response).map_err(|(class, code)| Refusal { class, code })?;
    match text(body.get("code")) {
        None => Err(Refusal::unreadable()),
        Some(code) if code == "0" => Ok(body.remove("data").unwrap_or_default()),
        Some(code) => Err(Refusal { class: class(&code), code }),
    }
}

/// A text that the data must have.
pub(super) fn required(data: &Value, name: &str) -> Result<String, Refusal> {
    text(data.get(name)).ok_or_else(Refusal::unreadable)
}

/// The answer about one device.
pub(super) fn unicast(response: &Response, now: UnixMillis, targets: &Targets) -> Answers {
    match data(response) {
        Ok(data) => {
            let vendor_ids = text(data.get("messageId")).into_iter().collect();
            Answers { vendor_ids, ..targets.all(&Outcome::of(Class::Accepted, "0")) }
        }
        // Only here the code of the whole is about one id.
        Err(Refusal { code, .. }) if matches!(&*code, INVALID_ID | UNSUBSCRIBED | "10004" | "10005") => {
            let outcomes = targets.tokens.iter().map(|token| targets.outcome(&code, token)).collect();
            Answers::each(outcomes, code)
        }
        Err(refusal) => refusal.for_all(now, targets.tokens.len()),
    }
}

/// The answer about several, in the order of the request. A refused element has a message id too: its code decides.
pub(super) fn batch(response: &Response, now: UnixMillis, targets: &Targets) -> Answers {
    let data = match data(response) {
        Ok(Value::Array(data)) => data,
        Ok(_) => return Refusal::unreadable().for_all(now, targets.tokens.len()),
        Err(refusal) => return refusal.for_all(now, targets.tokens.len()),
    };
    let by_token: HashMap<&str, &Value> =
        data.iter().filter_map(|element| Some((element.get("registrationId")?.as_str()?, element))).collect();
    let mut vendor_ids = Vec::new();
    let outcomes = targets.tokens.iter().enumerate().map(|(index, token)| {
        let unnamed = || data.get(index).filter(|element| element.get("registrationId").is_none());
        // An element that is missing was not sent; if it was, the vendor drops the repeat.
        let Some(element) = by_token.get(token.as_str()).copied().or_else(unnamed) else {
            return Outcome::of(Class::Retry, "missing");
        };
        let code = text(element.get("errorCode")).unwrap_or_else(|| "0".into());
        vendor_ids.extend(text(element.get("messageId")).filter(|_| code == "0"));
        targets.outcome(&code, token)
    });
    let outcomes = outcomes.collect();
    Answers { vendor_ids, ..Answers::each(outcomes, "0") }
}

/// The answer about a list: what was refused stands under its code.
pub(super) fn broadcast(response: &Response, now: UnixMillis, targets: &Targets) -> Answers {
    let data = match data(response) {
        Ok(Value::Object(data)) => data,
        Ok(_) => return Refusal::unreadable().for_all(now, targets.tokens.len()),
        Err(refusal) => return refusal.for_all(now, targets.tokens.len()),
    };
    let refused = refused_ids(&data);
    let outcomes = targets.tokens.iter().map(|token| match refused.get(token.as_str()) {
        _ if !can_be_listed(token) => Outcome::dead("impossible"),
        Some(code) => targets.outcome(code, token),
        None => Outcome::of(Class::Accepted, "0"),
    });
    Answers {
        vendor_ids: text(data.get("message_id")).into_iter().collect(),
        task_id: text(data.get("task_id")),
        ..Answers::each(outcomes.collect(), "0")
    }
}

fn refused_ids(data: &Map<String, Value>) -> HashMap<&str, &str> {
    let codes = data.iter().filter(|(code, _)| code.parse::<i32>().is_ok());
    let ids = codes.filter_map(|(code, ids)| Some((code.as_str(), ids.as_array()?)));
    ids.flat_map(|(code, ids)| ids.iter().filter_map(move |id| Some((id.as_str()?, code)))).collect()
}

/// Which ids died.
pub(super) fn dead_tokens(response: &Response, now: UnixMillis) -> Answers {
    match data(response) {
        Err(refusal) => refusal.for_all(now, 0),
        Ok(data) => {
            let ids = data.get("registration_ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let dead_tokens = ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
            Answers { dead_tokens, ..Answers::all(&Outcome::of(Class::Accepted, "0"), 0) }
        }
    }
}
