//! JSON bodies: read strictly, refused precisely.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse as _;
use homing_contract::http::pointer;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::body::{body_size, too_large};
use crate::frame::BODY_MAX_BYTES;
use crate::problem::Problem;

/// A JSON body and the bytes it came in.
#[derive(Clone, Debug)]
pub struct ApiJson<T> {
    /// What it says.
    pub body: T,
    /// The bytes, as sent.
    pub bytes: Bytes,
}

/// A JSON body that may be left out altogether, or be `null`.
#[derive(Clone, Debug)]
pub struct ApiJsonOrDefault<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        let bytes = read(request, state).await?;
        parse(&bytes).map(|body| Self { body, bytes })
    }
}

impl<T: DeserializeOwned> ApiJson<T> {
    /// Reads a body that came by another way than HTTP, within the same limit and as strictly.
    ///
    /// # Errors
    /// 400, 413 or 422 with the reason, as an HTTP request would get it.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, Problem> {
        if bytes.len() > BODY_MAX_BYTES {
            return Err(too_large(BODY_MAX_BYTES));
        }
        parse(&bytes).map(|body| Self { body, bytes })
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for ApiJsonOrDefault<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let bytes = read(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        check_content_type(&headers)?;
        parse::<Option<T>>(&bytes).map(|body| Self(body.unwrap_or_default()))
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json =
        media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    let detail = "send the body as Content-Type: application/json";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
}

/// Reads a body whole, within the limit of all bodies.
pub(crate) async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    // Who declares too much is not waited for.
    body_size(request.body(), BODY_MAX_BYTES)?;
    Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            too_large(BODY_MAX_BYTES)
        } else {
            tracing::debug!(status = %rejection.into_response().status(), "a body could not be read");
            Problem::bad_request("body_incomplete", "the body ended early")
        }
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let at = pointer_of(error.path());
        refuse(&error.into_inner(), at)
    })?;
    reader.end().map_err(|error| refuse(&error, String::new()))?;
    Ok(value)
}

fn refuse(error: &serde_json::Error, at: String) -> Problem {
    let message = error.to_string();
    match error.classify() {
        Category::Data => {
            let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
            let (code, at) = name_of(message, at);
            Problem::unprocessable(code, at, message)
        }
        Category::Syntax | Category::Eof | Category::Io => Problem::bad_request("malformed_json", message),
    }
}

/// serde says what is wrong only in words. They are stable, and a test holds each of them.
fn name_of(message: &str, at: String) -> (&'static str, String) {
    let quoted = || message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        ("missing_field", pointer(&at, quoted()))
    } else if message.starts_with("unknown field") {
        let escaped = pointer("", quoted());
        ("unknown_field", if at.ends_with(&escaped) { at } else { at + &escaped })
    } else if message.starts_with("duplicate field") {
        let escaped = pointer("", quoted());
        ("duplicate_field", if at.ends_with(&escaped) { at } else { at + &escaped })
    } else if message.starts_with("invalid type") {
        ("invalid_type", at)
    } else {
        ("invalid_value", at)
    }
}

fn pointer_of(path: &Path) -> String {
    path.iter().fold(String::new(), |at, segment| match segment {
        Segment::Seq { index } => pointer(&at, index),
        Segment::Map { key } => pointer(&at, key),
        Segment::Enum { .. } | Segment::Unknown => at,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is tested")]
        inner: Vec<Inner>,
        #[expect(dead_code, reason = "only its reading is tested")]
        #[serde(default)]
        map: BTreeMap<String, u32>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is tested")]
        kind: Kind,
        #[expect(dead_code, reason = "only its reading is tested")]
        n: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Good,
    }

    async fn problem(body: &str) -> (u16, String, Option<String>) {
        let response = parse::<Outer>(body.as_bytes()).unwrap_err().into_response();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let view: homing_contract::http::v1::ProblemView = serde_json::from_slice(&body).unwrap();
        (status, view.code, view.pointer)
    }

    #[tokio::test]
    async fn every_refusal_has_its_code_and_place() {
        for (body, status, code, at) in [
            ("", 400, "malformed_json", None),
            ("{", 400, "malformed_json", None),
            ("{\"inner\":[]}x", 400, "malformed_json", None),
            ("{\"inner\":[],\"map\":{\"a\":\"\u{0}\"}}", 400, "malformed_json", None),
            ("[]", 422, "invalid_value", Some("")),
            ("null", 422, "invalid_type", Some("")),
            ("{}", 422, "missing_field", Some("/inner")),
            ("{\"inner\":7}", 422, "invalid_type", Some("/inner")),
            ("{\"inner\":[],\"x/y\":1}", 422, "unknown_field", Some("/x~1y")),
            ("{\"inner\":[],\"inner\":[]}", 422, "duplicate_field", Some("/inner")),
            (
                "{\"inner\":[{\"kind\":\"good\",\"n\":1},{\"kind\":\"bad\",\"n\":1}]}",
                422,
                "invalid_value",
                Some("/inner/1/kind"),
            ),
            ("{\"inner\":[{\"kind\":\"good\",\"n\":256}]}", 422, "invalid_value", Some("/inner/0/n")),
            ("{\"inner\":[{\"kind\":\"good\"}]}", 422, "missing_field", Some("/inner/0/n")),
            ("{\"inner\":[{\"kind\":\"good\",\"n\":1,\"extra\":0}]}", 422, "unknown_field", Some("/inner/0/extra")),
            ("{\"inner\":[],\"map\":{\"a/b\":-1}}", 422, "invalid_value", Some("/map/a~1b")),
        ] {
            assert_eq!(problem(body).await, (status, code.to_owned(), at.map(str::to_owned)), "{body}");
        }
    }

    #[tokio::test]
    async fn a_deep_nest_is_refused_before_the_stack_is() {
        let deep = |nest: &str| format!("{{\"inner\":[],\"map\":{{\"a\":{}", nest.repeat(20_000));
        for body in ["[".repeat(60_000), deep("["), deep("{\"a\":")] {
            assert!([400, 422].contains(&problem(&body).await.0));
        }
    }
}
