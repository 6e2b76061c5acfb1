//! Paths, queries and headers: the rest of a request, refused in the same way.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use homing_domain::limits::IDEMPOTENCY_KEY_MAX_BYTES;
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The one parameter of a path, read as what it should be.
#[derive(Clone, Debug)]
pub struct ApiPath<T>(pub T);

impl<T: FromStr + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refuse = || Problem::bad_request("invalid_path", "the id in the path is not one");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| refuse())?;
        text.parse().map(Self).map_err(|_| refuse())
    }
}

/// The query. Unknown parameters are refused when the type does.
#[derive(Clone, Debug)]
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Problem::bad_request("invalid_query", rejection.body_text())),
        }
    }
}

/// The origin that the caller sees: `https://`, and the name that it asked for, of the URL in HTTP/2, of `Host` in HTTP/1.1.
///
/// # Errors
/// There is no name, or it is not ASCII.
pub fn origin(uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
    let host = uri.authority().map(http::uri::Authority::as_str);
    let host = host.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let host = host.ok_or_else(|| Problem::bad_request("invalid_header", "the header Host is missing"))?;
    Ok(format!("https://{}", host.strip_suffix(":443").unwrap_or(host)))
}

/// The caller's Idempotency-Key, if it sent one.
///
/// # Errors
/// It is empty, too long, or not printable ASCII.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    check_idempotency_key(value.as_bytes()).map(Some)
}

/// An Idempotency-Key, by whichever way it came.
///
/// # Errors
/// It is empty, too long, or not printable ASCII.
pub fn check_idempotency_key(value: &[u8]) -> Result<&str, Problem> {
    let is_printable = value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    match std::str::from_utf8(value) {
        Ok(key) if is_printable && (1..=IDEMPOTENCY_KEY_MAX_BYTES).contains(&key.len()) => Ok(key),
        _ => {
            let detail = format!("Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_MAX_BYTES} printable ASCII characters");
            Err(Problem::bad_request("invalid_idempotency_key", detail))
        }
    }
}
