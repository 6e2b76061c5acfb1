//! Bodies of lines: read as they arrive, so that a list of a million names takes no more memory than a short one.

mod splitter;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;

use crate::problem::Problem;
use splitter::Splitter;

pub use splitter::{LINE_MAX_BYTES, Line, LineFault};

/// The media type of a body of lines.
const MEDIA_TYPE: &str = "text/plain";

/// A body of lines, not read yet. There is no limit on their number: whoever reads them counts them.
#[derive(Debug)]
pub struct ApiLines {
    body: Body,
    splitter: Splitter,
    is_at_end: bool,
}

impl<S: Send + Sync> FromRequest<S> for ApiLines {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if is_lines(request.headers()) {
            return Ok(Self::new(request.into_body()));
        }
        let detail = "send one name per line, in UTF-8, as Content-Type: text/plain";
        Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
    }
}

impl ApiLines {
    /// The lines of a body.
    #[must_use]
    pub fn new(body: Body) -> Self {
        Self { body, splitter: Splitter::default(), is_at_end: false }
    }

    /// The next line that is not blank; `None` = that was all.
    ///
    /// # Errors
    /// 400: the body ended early.
    pub async fn next(&mut self) -> Result<Option<Line>, Problem> {
        loop {
            if let Some(line) = self.splitter.next_line() {
                return Ok(Some(line));
            }
            if self.is_at_end {
                return Ok(self.splitter.last_line());
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.splitter.feed(frame.into_data().unwrap_or_else(|_| Bytes::new())),
                Some(Err(error)) => {
                    tracing::debug!(%error, "a body of lines could not be read");
                    return Err(Problem::bad_request("body_incomplete", "the body ended early"));
                }
                None => self.is_at_end = true,
            }
        }
    }
}

/// Whether a request brings a body of lines, which may take its time to arrive.
pub(crate) fn is_lines(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let is_text = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case(MEDIA_TYPE));
    is_text && parts.all(|parameter| !is_other_charset(parameter))
}

fn is_other_charset(parameter: &str) -> bool {
    let Some((name, charset)) = parameter.split_once('=') else { return false };
    let charset = charset.trim_matches('"');
    name.eq_ignore_ascii_case("charset")
        && !["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(chunks: &[&'static str]) -> Vec<(u64, String)> {
        // One frame each: a body is cut wherever the network likes.
        let frames = chunks.iter().map(|chunk| Ok::<_, std::convert::Infallible>(Bytes::from_static(chunk.as_bytes())));
        let mut lines = ApiLines::new(Body::from_stream(futures_util::stream::iter(frames.collect::<Vec<_>>())));
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            read.push((line.number, line.text.unwrap()));
        }
        read
    }

    #[tokio::test]
    async fn lines_do_not_care_where_a_body_is_cut() {
        let expected = [(1, "one".to_owned()), (3, "zwö".to_owned()), (4, "three".to_owned())];
        assert_eq!(read(&["one\r\n\r\nzwö\nthree"]).await, expected);
        assert_eq!(read(&["o", "ne\r", "\n", "\r\nzw", "ö\n", "", "three\n", "\n"]).await, expected);
        assert_eq!(read(&[]).await, []);
    }

    #[test]
    fn only_plain_utf_8_text_is_lines() {
        let judge = |value: &str| is_lines(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]));
        assert!(judge("text/plain") && judge("Text/Plain; charset=\"UTF-8\"") && judge("text/plain;charset=us-ascii"));
        assert!(!judge("text/csv") && !judge("text/plain; charset=utf-16") && !judge("application/json"));
        assert!(!is_lines(&HeaderMap::new()));
    }
}
