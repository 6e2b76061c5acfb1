//! An answer becomes outcomes.

use std::collections::BTreeMap;

use homing_domain::UnixMillis;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::events::vendor_text;
use crate::json_answer::{UNREADABLE, text};
use crate::retry_after::retry_after;
use crate::{Answers, Class, Outcome, Response};

/// Reads the answer to a push. The code in the body wins over the status.
pub(super) fn read(response: &Response, targets: &[String], now: UnixMillis) -> Answers {
    let status = response.status();
    let body: Map<String, Value> = serde_json::from_slice(response.body()).unwrap_or_default();
    let data = body.get("data").unwrap_or(&Value::Null);
    let code = match text(body.get("code")) {
        Some(code) => code,
        None if status.is_success() => UNREADABLE.to_owned(),
        None => status.as_str().to_owned(),
    };
    let mut answers = match code.as_str() {
        // A status alone says that something answered, not that Honor took it.
        "200" | "80000000" | "80100000" => taken(&code, data, targets),
        "80300007" => Answers::all(&Outcome::dead(&code), targets.len()),
        code => Answers::all(&Outcome::of(class_of(code, status), code), targets.len()),
    };
    answers.refresh_access = matches!(code.as_str(), "401" | "403");
    answers.retry_after = retry_after(response, now);
    if matches!(answers.class, Class::Accepted | Class::Partial) {
        answers.vendor_ids = vendor_text(data.get("requestId")).into_iter().collect();
    }
    answers
}

fn class_of(code: &str, status: StatusCode) -> Class {
    match code {
        "503" | "429" => Class::RetryLater,
        // 404 and 10205: no such app. 80200022: no right to this kind of message.
        "401" | "403" | "404" | "10205" | "80200022" => Class::AuthError,
        // Test messages have a limit of their own.
        "80200047" => Class::Quota,
        UNREADABLE => Class::Retry,
        // 10001, 10207: the time is missing or wrong. 10300: no token. The others: parameters and sizes.
        "10001" | "10207" | "10300" | "80200020" | "80200050" | "80200056" => Class::BadRequest,
        _ if code.starts_with("8010") || code.starts_with("8030") => Class::BadRequest,
        // An HTTP status, as code or by itself.
        _ if code.len() == 3 && code.starts_with('5') => Class::Retry,
        // Not in the table.
        _ if status == StatusCode::SERVICE_UNAVAILABLE => Class::RetryLater,
        _ if status.is_server_error() => Class::Retry,
        _ => Class::BadRequest,
    }
}

/// Taken, but for the tokens that are listed. Which list means what is not documented where we could read; both name tokens
/// that Honor does not bring anything to.
fn taken(code: &str, data: &Value, targets: &[String]) -> Answers {
    let mut refused = BTreeMap::new();
    for list in ["failTokens", "expireTokens"] {
        for token in data.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            refused.insert(token, list);
        }
    }
    if refused.is_empty() && data.get("sendResult") == Some(&Value::Bool(false)) {
        return Answers::all(&Outcome::of(Class::Retry, "sendResult"), targets.len());
    }
    let outcome = |target: &String| match refused.get(target.as_str()) {
        None => Outcome::of(Class::Accepted, code),
        Some(list) => Outcome::dead(*list),
    };
    Answers::each(targets.iter().map(outcome).collect(), code)
}
