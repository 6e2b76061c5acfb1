//! An answer becomes an outcome, by its status: what services write beside it differs from one to the next.

use homing_domain::UnixMillis;
use http::header::LOCATION;

use crate::retry_after::retry_after;
use crate::{Answers, Class, Outcome, Response};

/// What the answer of a push service means (RFC 8030 sections 5 and 7.3, RFC 8292 section 4.2).
pub(super) fn read(response: &Response, targets: &[String], now: UnixMillis) -> Answers {
    let status = response.status().as_u16();
    let code = status.to_string();
    let outcome = match status {
        // 201 is the documented one.
        200..=202 => Outcome::of(Class::Accepted, code),
        404 | 410 => Outcome::dead(code),
        401 | 403 => Outcome::of(Class::AuthError, code),
        429 => Outcome::of(Class::RetryLater, code),
        408 | 500..=599 => Outcome::of(Class::Retry, code),
        // A redirect is not followed: it would lead to an address that nobody checked.
        _ => Outcome::of(Class::BadRequest, code),
    };
    let mut answers = Answers::all(&outcome, targets.len());
    match outcome.class {
        Class::Accepted => {
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            answers.vendor_ids.extend(location.map(str::to_owned));
        }
        class if class.is_passing() => answers.retry_after = retry_after(response, now),
        // 401: the signature is not taken, and may be tomorrow. 403: the subscription was made for another key.
        _ => answers.refresh_access = status == 401,
    }
    answers
}
