//! Errors as HTTP answers: `application/problem+json` (RFC 9457).

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use homing_contract::http::v1::ProblemView;
use homing_contract::http::{Violation, Violations};
use homing_ports::{Error, Fault};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

/// Longest detail: parsers quote what they met, and that may be all of a body.
const DETAIL_MAX_CHARACTERS: usize = 300;
/// When to come back after the store failed: its own retries take about as long.
const STORE_RETRY_AFTER_SECONDS: u64 = 1;

/// Why a request is not done.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    pointer: Option<String>,
    violations: Vec<Violation>,
    retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem of one kind. `code` is stable, `detail` is for people.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        let detail = match detail.char_indices().nth(DETAIL_MAX_CHARACTERS) {
            Some((end, _)) => detail.get(..end).unwrap_or_default().to_owned() + "…",
            None => detail,
        };
        Self(Box::new(Inner {
            status,
            code: Cow::Borrowed(code),
            detail,
            pointer: None,
            violations: Vec::new(),
            retry_after_seconds: None,
        }))
    }

    /// The request cannot be read.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// There is no such thing, or none that the caller may know of.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// It contradicts what is there.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// One value of the body is wrong.
    #[must_use]
    pub fn unprocessable(code: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
        problem.0.pointer = Some(pointer.into());
        problem
    }

    /// No credentials, or none that are valid.
    #[must_use]
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// Valid perhaps, but not for this.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "credentials_insufficient", detail)
    }

    /// Somebody else changed the same thing again and again.
    #[must_use]
    pub fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "others change this at the same time; try again")
            .retry_after(STORE_RETRY_AFTER_SECONDS)
    }

    /// A defect of ours.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this should not happen; the server's log says more")
    }

    /// Tells when to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What is wrong in one line: each code with its pointer and the rule in words. For logs and dead letters.
    #[must_use]
    pub fn in_words(&self) -> String {
        let inner = &self.0;
        let line = |code: &str, pointer: Option<&str>, words: &str| match pointer {
            Some(pointer) if !pointer.is_empty() => format!("{code} at {pointer}: {words}"),
            _ => format!("{code}: {words}"),
        };
        if inner.violations.is_empty() {
            return line(&inner.code, inner.pointer.as_deref(), &inner.detail);
        }
        let lines = inner.violations.iter().map(|wrong| line(&wrong.code, Some(&wrong.pointer), &wrong.message));
        lines.collect::<Vec<_>>().join("; ")
    }

    /// After how many seconds to come back, where that is known.
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after_seconds
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.0.status
    }
}

impl From<Violations> for Problem {
    /// The first violation lends its code and its pointer; the list has them all.
    fn from(violations: Violations) -> Self {
        let violations = violations.into_vec();
        let detail = violations.iter().map(|wrong| format!("{}: {}", wrong.pointer, wrong.message)).collect::<Vec<_>>();
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail.join("; "));
        if let Some(first) = violations.first() {
            problem.0.code = Cow::Owned(first.code.clone());
            problem.0.pointer = Some(first.pointer.clone());
        }
        problem.0.violations = violations;
        problem
    }
}

impl From<Error> for Problem {
    /// The caller can only come back later, whatever it was; people find the cause in the log.
    fn from(error: Error) -> Self {
        match error.fault {
            Fault::Retry | Fault::Conflict => tracing::warn!(error = %error, "a port call failed"),
            Fault::Broken => tracing::error!(error = %error, "a port call is broken"),
        }
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "the store does not answer; try again")
            .retry_after(STORE_RETRY_AFTER_SECONDS)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let inner = *self.0;
        let body = ProblemView {
            kind: format!("urn:homing:problem:{}", inner.code),
            title: inner.status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: inner.status.as_u16(),
            code: inner.code.into_owned(),
            detail: inner.detail,
            pointer: inner.pointer,
            violations: inner.violations,
        };
        let mut response = (inner.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if inner.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = inner.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
