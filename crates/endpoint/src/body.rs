//! Bodies that are no JSON of ours: taken as bytes, refused as a problem like any other.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use homing_domain::Millis;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tower::ServiceExt as _;
use tower::timeout::Timeout;

use crate::json::read;
use crate::problem::Problem;

/// A body as it came, within the limit of all bodies.
#[derive(Clone, Debug)]
pub struct ApiBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for ApiBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(request, state).await.map(Self)
    }
}

/// How many bytes a body may turn out to have: what its sender declared, else `max`.
///
/// # Errors
/// 413: the sender declared more than `max`. Nothing of it was read.
pub fn body_size(body: &Body, max: usize) -> Result<usize, Problem> {
    let size = body.size_hint();
    let declared = size.upper().unwrap_or(max as u64).max(size.lower());
    usize::try_from(declared).ok().filter(|declared| *declared <= max).ok_or_else(|| too_large(max))
}

/// Reads a body whole, of at most `max` bytes, which all arrive within so many milliseconds. Whoever asks has checked first who
/// sends it: before that nothing of it takes memory.
///
/// # Errors
/// 413, 408, or 400: it ended early.
pub async fn read_body(body: Body, max: usize, within: Millis) -> Result<Bytes, Problem> {
    body_size(&body, max)?;
    let reading = tower::service_fn(|body: Body| Limited::new(body, max).collect());
    let read = Timeout::new(reading, Duration::from_millis(within)).oneshot(body).await;
    read.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<tower::timeout::error::Elapsed>() {
            let detail = format!("the body did not arrive within {within} ms");
            Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
        } else if error.is::<LengthLimitError>() {
            too_large(max)
        } else {
            tracing::debug!(error, "a body could not be read");
            Problem::bad_request("body_incomplete", "the body ended early")
        }
    })
}

/// 413.
pub(crate) fn too_large(max: usize) -> Problem {
    let detail = format!("a body may be at most {max} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const MAX: usize = 10;

    /// Without a length, in pieces.
    fn streamed(pieces: &[&'static str]) -> Body {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))).collect();
        Body::from_stream(stream::iter(pieces))
    }

    async fn refused(body: Body) -> (u16, String) {
        let problem = read_body(body, MAX, 10_000).await.unwrap_err();
        (problem.status().as_u16(), problem.code().to_owned())
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_declared_or_not() {
        for body in [Body::from("1234567890"), streamed(&["12345", "67890"]), streamed(&[])] {
            assert!(read_body(body, MAX, 10_000).await.is_ok_and(|read| read.len() == MAX || read.is_empty()));
        }
        let too_large = (413, "body_too_large".to_owned());
        assert_eq!(refused(Body::from("12345678901")).await, too_large);
        assert_eq!(refused(streamed(&["123456", "78901"])).await, too_large);
        assert_eq!((body_size(&Body::from("123"), MAX).unwrap(), body_size(&streamed(&["1"]), MAX).unwrap()), (3, MAX));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_or_never_ends_is_refused() {
        let broken = stream::iter([Ok(Bytes::from_static(b"1")), Err(std::io::Error::other("gone"))]);
        assert_eq!(refused(Body::from_stream(broken)).await, (400, "body_incomplete".to_owned()));
        let endless = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let late = read_body(endless, MAX, 1).await.unwrap_err();
        assert_eq!((late.status().as_u16(), late.code()), (408, "body_too_slow"));
    }
}
