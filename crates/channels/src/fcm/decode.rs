//! An answer becomes outcomes. `FcmError.errorCode` says more than `error.status`, and that more than the HTTP status.

use homing_domain::{Millis, UnixMillis};
use serde::Deserialize;

use crate::retry_after::retry_after;
use crate::{Answers, Class, Outcome, Response};

/// How long to wait when a quota is exceeded and the answer names no time ("Throttling and quotas": 60 s).
const QUOTA_WAIT: Millis = 60_000;
/// How long to wait at least after an internal error ("Throttling and quotas": 10 s).
const INTERNAL_WAIT: Millis = 10_000;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sent {
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    error: Status,
}

/// `google.rpc.Status`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    status: String,
    details: Vec<Detail>,
}

/// `FcmError` has `errorCode`, `BadRequest` has `fieldViolations`; other details have neither.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    error_code: Option<String>,
    field_violations: Vec<FieldViolation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FieldViolation {
    field: String,
}

/// What the answer to a message means.
pub(super) fn sent(response: &Response, targets: &[String], now: UnixMillis) -> Answers {
    if response.status().is_success() {
        let sent: Sent = serde_json::from_slice(response.body()).unwrap_or_default();
        let mut answers = Answers::all(&Outcome::of(Class::Accepted, response.status().as_str()), targets.len());
        answers.vendor_ids.extend(sent.name);
        return answers;
    }
    refused(response, targets.len(), now)
}

fn refused(response: &Response, targets: usize, now: UnixMillis) -> Answers {
    let failure: Failure = serde_json::from_slice(response.body()).unwrap_or_default();
    let status = response.status().as_u16();
    let fcm_code = failure.error.details.iter().find_map(|detail| detail.error_code.as_deref());
    let class = match fcm_code {
        Some(code) => class_of_fcm(code, &failure.error, status),
        None => class_of_status(&failure.error.status, status),
    };
    let code = match fcm_code {
        Some(code) => code.to_owned(),
        None if failure.error.status.is_empty() => status.to_string(),
        None => failure.error.status.clone(),
    };
    // A topic that is refused is no token that is dead.
    let outcome = match class {
        Class::InvalidToken if targets == 0 => Outcome::of(Class::BadRequest, code),
        // SENDER_ID_MISMATCH: another project's token, or another project's credential.
        Class::InvalidToken => Outcome { may_be_ours: code == "SENDER_ID_MISMATCH", ..Outcome::dead(code) },
        _ => Outcome::of(class, code),
    };
    let mut answers = Answers::all(&outcome, targets);
    answers.refresh_access = status == 401 && fcm_code.is_none();
    if class.is_passing() {
        let without = match class {
            Class::RetryLater => Some(QUOTA_WAIT),
            _ if status == 500 => Some(INTERNAL_WAIT),
            _ => None,
        };
        answers.retry_after = retry_after(response, now).or(without);
    }
    answers
}

fn class_of_fcm(code: &str, error: &Status, status: u16) -> Class {
    match code {
        "UNREGISTERED" | "SENDER_ID_MISMATCH" => Class::InvalidToken,
        "INVALID_ARGUMENT" => {
            // Without a field it is the token, for the rest was checked before it was sent.
            let mut violations = error.details.iter().flat_map(|detail| &detail.field_violations);
            if violations.all(|violation| violation.field == "message.token") {
                Class::InvalidToken
            } else {
                Class::BadRequest
            }
        }
        "THIRD_PARTY_AUTH_ERROR" | "APNS_AUTH_ERROR" => Class::AuthError,
        "QUOTA_EXCEEDED" => Class::RetryLater,
        "UNAVAILABLE" | "INTERNAL" => Class::Retry,
        _ => class_of_status(&error.status, status),
    }
}

fn class_of_status(name: &str, status: u16) -> Class {
    match (name, status) {
        ("UNREGISTERED", 404) => Class::InvalidToken,
        ("UNAUTHENTICATED" | "PERMISSION_DENIED", _) | (_, 401 | 403) => Class::AuthError,
        ("RESOURCE_EXHAUSTED", _) | (_, 429) => Class::RetryLater,
        (_, 408 | 500..=599) => Class::Retry,
        (_, 400..=499) => Class::BadRequest,
        // No answer of FCM: something stands between.
        _ => Class::Retry,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subscribed {
    results: Vec<SubscribedOne>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SubscribedOne {
    error: Option<String>,
}

/// What the answer to a subscription means: results stand in the order of the tokens.
pub(super) fn subscribed(response: &Response, targets: &[String], now: UnixMillis) -> Answers {
    if !response.status().is_success() {
        return refused(response, targets.len(), now);
    }
    let subscribed: Subscribed = serde_json::from_slice(response.body()).unwrap_or_default();
    if subscribed.results.len() != targets.len() {
        return Answers::all(&Outcome::of(Class::Retry, "results do not match the tokens"), targets.len());
    }
    let outcomes = subscribed.results.into_iter().map(|result| match result.error {
        None => Outcome::of(Class::Accepted, "OK"),
        Some(error) => match &*error {
            // The topic's name was checked before it was sent: what is invalid is the token.
            "NOT_FOUND" | "UNREGISTERED" | "INVALID_ARGUMENT" => Outcome::dead(error),
            "INTERNAL" | "UNAVAILABLE" | "DEADLINE_EXCEEDED" => Outcome::of(Class::Retry, error),
            "RESOURCE_EXHAUSTED" => Outcome::of(Class::RetryLater, error),
            "PERMISSION_DENIED" => Outcome::of(Class::AuthError, error),
            // TOO_MANY_TOPICS: the token is good.
            _ => Outcome::of(Class::BadRequest, error),
        },
    });
    Answers::each(outcomes.collect(), response.status().as_str())
}
