//! An answer becomes outcomes (pId 1560: codes of 2024-10-18, and pId 1656: limits).

use std::collections::BTreeSet;

use homing_domain::{Millis, UnixMillis};
use http::StatusCode;
use serde_json::{Map, Value};

use super::encode::is_one;
use crate::china_clock::next_hour_in_china;
use crate::events::vendor_text;
use crate::json_answer::{UNREADABLE, text};
use crate::retry_after::retry_after;
use crate::{Answers, Class, Outcome, Response};

/// A registration id is none.
pub(super) const NO_ID: &str = "66007";
/// Requests are counted by the second (pId 1656).
const RATE_WINDOW: Millis = 1_000;

/// Reads the answer to a push or a subscription. The code in the body wins over the status.
pub(super) fn read(response: &Response, targets: &[String], now: UnixMillis) -> Answers {
    let body: Map<String, Value> = serde_json::from_slice(response.body()).unwrap_or_default();
    let retry_after = retry_after(response, now);
    let Some(code) = text(body.get("code")) else {
        return Answers { retry_after, ..Answers::all(&by_status(response.status()), targets.len()) };
    };
    let data = body.get("data").unwrap_or(&Value::Null);
    let outcome = match code.as_str() {
        "0" => return taken(data, targets),
        "20301" if says_no_valid_target(&body) => Outcome::dead(&code),
        // One of them is none; which is not said.
        NO_ID if targets.len() == 1 => Outcome::dead(&code),
        // To be reviewed in Xiaomi's console; a channel that Xiaomi has not approved, or none (pId 1560).
        "26006" | "27001" => Outcome::misconfigured(&code),
        _ => Outcome::of(class_of(&code, response.status()), &code),
    };
    let mut answers = Answers { retry_after, ..Answers::all(&outcome, targets.len()) };
    match code.as_str() {
        "200002" => answers.retry_after = answers.retry_after.or(Some(RATE_WINDOW)),
        // The day ends in China.
        "200001" | "10034" => answers.not_before = Some(next_hour_in_china(now, 0)),
        _ => {}
    }
    answers
}

fn by_status(status: StatusCode) -> Outcome {
    let class = match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Class::RetryLater,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Class::AuthError,
        _ if status.is_client_error() => Class::BadRequest,
        // Something between us and Xiaomi answered, or Xiaomi is out of order.
        _ => Class::Retry,
    };
    Outcome::of(class, if status.is_success() { UNREADABLE } else { status.as_str() })
}

fn class_of(code: &str, status: StatusCode) -> Class {
    match code {
        // Unknown, internal, busy, remote services, database; and 20301, 22102: sending failed.
        "-1" | "1" | "10001" | "10002" | "10003" | "20301" | "20607" | "22102" | "26003" | "65029" | "65030" => {
            Class::Retry
        }
        // Called too often: as a whole, for broadcasts, accounts, aliases; 200002 a second.
        "10027" | "10030" | "10032" | "10039" | "26004" | "26005" | "65006" | "200002" => Class::RetryLater,
        // Too much today. Tokens are good.
        "10034" | "200001" => Class::Quota,
        // The app: on a black list, not allowed, not known; its key, its package.
        "10031" | "10033" | "10036" | "21301" | "21302" | "21303" | "22000" | "22006" | "22007" | "22022" => {
            Class::AuthError
        }
        // Parameters and lengths; 65003 is a device that is usually offline and 10029 one that cannot be registered: their
        // tokens are kept.
        "10008" | "10012" | "10016" | "10017" | "10029" | "10037" | "20209" | "21305" | "65003" | "66006" | NO_ID => {
            Class::BadRequest
        }
        // Not in the table, or of a family in it (650xx: parameters).
        _ => match by_status(status).class {
            Class::Retry if status.is_success() => Class::BadRequest,
            class => class,
        },
    }
}

/// 20301 is "sending failed" for any reason: only this one speaks of the tokens.
fn says_no_valid_target(body: &Map<String, Value>) -> bool {
    let reason = body.get("reason").and_then(Value::as_str).unwrap_or_default();
    reason.to_ascii_lowercase().contains("no valid target")
}

/// Taken, but for those that are listed: with commas between, in what clients have seen.
fn taken(data: &Value, targets: &[String]) -> Answers {
    let listed: BTreeSet<&str> = match data.get("bad_regids") {
        Some(Value::String(list)) => list.split(',').map(str::trim).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    };
    let outcome = |target: &String| match target.as_str() {
        target if listed.contains(target) => Outcome::dead("bad_regids"),
        target if !is_one(target) => Outcome::dead("no token"),
        _ => Outcome::of(Class::Accepted, "0"),
    };
    let answers = Answers::each(targets.iter().map(outcome).collect(), "0");
    Answers { vendor_ids: vendor_text(data.get("id")).into_iter().collect(), ..answers }
}
