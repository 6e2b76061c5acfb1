//! An answer becomes outcomes.

use std::collections::BTreeMap;

use homing_domain::UnixMillis;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::events::vendor_text;
use crate::json_answer::{UNREADABLE, text};
use crate::retry_after::retry_after;
use crate::{Answers, Class, Outcome, Response};

/// Reads the answer to a push or a subscription. The code in the body wins over the status.
pub(super) fn read(response: &Response, targets: &[String], now: UnixMillis) -> Answers {
    let status = response.status();
    let body: Map<String, Value> = serde_json::from_slice(response.body()).unwrap_or_default();
    let msg = body.get("msg").unwrap_or(&Value::Null);
    let code = text(body.get("code"));
    let mut answers = match code.as_deref() {
        None => Answers::all(&by_status(status), targets.len()),
        Some(code @ "80000000") => Answers::all(&Outcome::of(Class::Accepted, code), targets.len()),
        Some(code @ "80100000") => partial(code, &reasons(msg), targets),
        Some(code @ "80300007") => none_valid(code, &reasons(msg), targets),
        Some(code) => Answers::all(&Outcome::of(class_of(code, msg, status), code), targets.len()),
    };
    // 80200001 and 80200003/80200005: refused, expired. 80600003: Huawei's own exchange failed.
    answers.refresh_access = matches!(code.as_deref(), Some("80200001" | "80200003" | "80200005" | "80600003"));
    answers.retry_after = retry_after(response, now);
    if matches!(answers.class, Class::Accepted | Class::Partial) {
        answers.vendor_ids = vendor_text(body.get("requestId")).into_iter().collect();
    }
    answers
}

fn by_status(status: StatusCode) -> Outcome {
    let class = match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Class::RetryLater,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Class::AuthError,
        // A wrong id in the path.
        StatusCode::NOT_FOUND => Class::AuthError,
        _ if status.is_client_error() => Class::BadRequest,
        // Something between us and Huawei answered, or Huawei is out of order.
        _ => Class::Retry,
    };
    let code = if status.is_success() { UNREADABLE } else { status.as_str() };
    Outcome::of(class, code)
}

fn class_of(code: &str, msg: &Value, status: StatusCode) -> Class {
    match code {
        // May not send, JWT over a day, penalty, exchange failed.
        "80200001" | "80200003" | "80200005" | "80300002" | "80300036" | "80300037" | "80600003" => Class::AuthError,
        // Test messages have a limit of their own.
        "80300029" | "80300030" => Class::Quota,
        "81000001" => Class::Retry,
        // The topic service has both kinds under the same numbers.
        _ if code.starts_with("8200000") && is_passing(msg) => Class::Retry,
        _ if code.starts_with("8200000") => Class::BadRequest,
        // Parameters, sizes, numbers of tokens.
        _ if code.starts_with("801") || code.starts_with("803") => Class::BadRequest,
        // Not in the tables: by their families.
        _ if code.starts_with("802") || code.starts_with("806") => Class::AuthError,
        _ if code.starts_with("81") => Class::Retry,
        _ => match by_status(status).class {
            Class::Retry if status.is_success() => Class::BadRequest,
            class => class,
        },
    }
}

fn is_passing(msg: &Value) -> bool {
    let msg = msg.as_str().unwrap_or_default().to_ascii_lowercase();
    ["inner", "internal", "system", "timeout", "timed out", "busy", "unavailable"].iter().any(|word| msg.contains(word))
}

/// Which tokens are refused, and why: `/v1` and `/v2` say no reason.
fn reasons(msg: &Value) -> BTreeMap<String, Option<String>> {
    // It is JSON in a text.
    let msg = match msg {
        Value::String(msg) => serde_json::from_str(msg).unwrap_or(Value::Null),
        msg => msg.clone(),
    };
    let tokens = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|one| text(Some(one))).collect()
    };
    let mut reasons = BTreeMap::new();
    for list in [msg.get("illegal_tokens"), msg.get("illegalTokens")].into_iter().flatten() {
        reasons.extend(tokens(list).into_iter().map(|token| (token, None)));
        for (reason, list) in list.as_object().into_iter().flatten() {
            reasons.extend(tokens(list).into_iter().map(|token| (token, Some(reason.clone()))));
        }
    }
    reasons
}

/// A list that cannot be read leaves all taken: most are, and asking again would ring twice at those.
fn partial(code: &str, reasons: &BTreeMap<String, Option<String>>, targets: &[String]) -> Answers {
    let outcome = |target: &String| match reasons.get(target) {
        None => Outcome::of(Class::Accepted, code),
        Some(reason) => refused(code, reason.as_deref()),
    };
    Answers::each(targets.iter().map(outcome).collect(), code)
}

/// "All tokens are invalid" is also what Huawei says when the app lacks a right: the reasons are read first.
fn none_valid(code: &str, reasons: &BTreeMap<String, Option<String>>, targets: &[String]) -> Answers {
    if reasons.values().all(Option::is_none) {
        return Answers::all(&Outcome::dead(code), targets.len());
    }
    let outcome = |target: &String| match reasons.get(target) {
        // Why is not said.
        None => Outcome::of(Class::BadRequest, code),
        Some(reason) => refused(code, reason.as_deref()),
    };
    Answers::each(targets.iter().map(outcome).collect(), code)
}

/// Only a token that is none is cleaned: the other reasons are a right or a setting of the app's, or the person's choice.
fn refused(code: &str, reason: Option<&str>) -> Outcome {
    let Some(reason) = reason else { return Outcome::dead(code) };
    match reason {
        "tokenFormatError" => Outcome::dead(reason),
        "atomicUnableSendUnsubscribedMsg" => Outcome::of(Class::Dropped, reason),
        "noPushTypeRight"
        | "noRight"
        | "appinfoError"
        | "disableSendHuaweiMsgBecauseOfPenalty"
        | "noRightToSendThisLiveNotificationEvent"
        | "differentImgVerifyPolicy"
        | "countryNotSupport"
        | "tokenPlatformNotSupport" => Outcome::of(Class::AuthError, reason),
        _ => Outcome::of(Class::BadRequest, reason),
    }
}
