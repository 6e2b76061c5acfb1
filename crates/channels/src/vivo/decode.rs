//! An answer becomes outcomes. All come with status 200 and a number in `result`.

use std::collections::HashMap;

use homing_domain::UnixMillis;
use serde_json::{Map, Value};

use crate::china_clock::next_hour_in_china;
use crate::json_answer::{UNREADABLE, object, text};
use crate::{Answers, Class, Outcome, Response};

/// "Authorisation failed".
const STALE_ACCESS: &str = "10000";
/// "The `regId` is illegal".
const INVALID_ID: &str = "10302";
/// Operational messages are sent from 07:00 to 23:00 in China.
const OUTSIDE_WINDOW: &str = "10071";
/// When that window opens.
const WINDOW_OPENS: u64 = 7;

/// What a code means that is no success. `dev.vivo.com.cn`, return codes. 10054 is "`notifyType` is illegal", whatever some
/// clients read into it; 10311 is a device that cannot be reached now, with a good token.
fn class(code: &str) -> Class {
    match code {
        STALE_ACCESS | "10082" | "10094" | "10095" | "10096" | "10097" | "10800" => Class::AuthError,
        "10200" | "10201" | "10202" | "10203" | "10204" | "10205" | "10206" | "10207" => Class::AuthError,
        "10040" => Class::Retry,
        "10072" | "10093" | OUTSIDE_WINDOW => Class::RetryLater,
        "10070" | "10073" | "10252" | "10254" => Class::Quota,
        INVALID_ID => Class::InvalidToken,
        _ => Class::BadRequest,
    }
}

/// A code of the whole that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    class: Class,
    code: String,
}

impl Refusal {
    /// For so many targets: a code that is about one id says nothing of which one it was.
    pub(super) fn for_all(self, now: UnixMillis, targets: usize) -> Answers {
        let class = if self.class == Class::InvalidToken { Class::BadRequest } else { self.class };
        let not_before = match class {
            // The vendor asks not to call the same interface again that day.
            Class::Quota => Some(next_hour_in_china(now, 0)),
            _ if self.code == OUTSIDE_WINDOW => Some(next_hour_in_china(now, WINDOW_OPENS)),
            _ => None,
        };
        Answers {
            refresh_access: self.code == STALE_ACCESS,
            not_before,
            ..Answers::all(&Outcome::of(class, self.code), targets)
        }
    }

    /// For who asked for access: asking once more does not help.
    pub(super) fn of_access(self, now: UnixMillis) -> Box<Answers> {
        Box::new(Answers { refresh_access: false, ..self.for_all(now, 0) })
    }
}

/// The body of a success.
pub(super) fn success(response: &Response) -> Result<Map<String, Value>, Refusal> {
    let body = object(response).map_err(|(class, code)| Refusal { class, code })?;
    match text(body.get("result")) {
        None => Err(Refusal { class: Class::Retry, code: UNREADABLE.to_owned() }),
        Some(code) if code == "0" => Ok(body),
        Some(code) => Err(Refusal { class: class(&code), code }),
    }
}

/// A text that the body must have.
pub(super) fn required(body: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    text(body.get(name)).ok_or_else(|| Refusal { class: Class::Retry, code: UNREADABLE.to_owned() })
}

/// The answer about one device.
pub(super) fn single(response: &Response, now: UnixMillis, tokens: &[String]) -> Answers {
    match success(response) {
        Ok(body) => {
            let invalid = body.get("invalidUser").map(std::slice::from_ref).unwrap_or_default();
            let vendor_ids = text(body.get("taskId")).into_iter().collect();
            Answers { vendor_ids, ..each(tokens, invalid) }
        }
        // Only here the code of the whole is about one id.
        Err(Refusal { code, .. }) if code == INVALID_ID => Answers::all(&Outcome::dead(code), tokens.len()),
        Err(refusal) => refusal.for_all(now, tokens.len()),
    }
}

/// The answer about a list.
pub(super) fn list(response: &Response, now: UnixMillis, task_id: String, tokens: &[String]) -> Answers {
    match success(response) {
        Ok(body) => {
            let invalid = body.get("invalidUsers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            Answers { vendor_ids: vec![task_id.clone()], task_id: Some(task_id), ..each(tokens, invalid) }
        }
        Err(refusal) => refusal.for_all(now, tokens.len()),
    }
}

/// All but the invalid ones were taken.
fn each(tokens: &[String], invalid: &[Value]) -> Answers {
    let invalid: HashMap<String, String> = invalid
        .iter()
        .filter_map(|user| Some((text(user.get("userid"))?, text(user.get("status")).unwrap_or_default())))
        .collect();
    let outcomes = tokens.iter().map(|token| match invalid.get(token).map(String::as_str) {
        None => Outcome::of(Class::Accepted, "0"),
        // 1 = not known in this app, 2 = uninstalled, unsubscribed or its data cleared.
        Some(status @ ("1" | "2")) => Outcome::dead(format!("status {status}")),
        // 3 = not online for long, 4 = not a test user.
        Some(status) => Outcome::of(Class::BadRequest, format!("status {status}")),
    });
    Answers::each(outcomes.collect(), "0")
}
