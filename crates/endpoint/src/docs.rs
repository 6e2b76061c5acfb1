//! `/openapi.json`, and `/docs`: the same document as a plain page without scripts.

mod page;
mod schema;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// Nothing but our own style sheet: no script, no frame, nothing from elsewhere.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The document changes with the program only.
const CACHE: &str = "public, max-age=300";

/// Both are rendered once, at start.
pub(crate) fn router(document: &OpenApi) -> Router {
    let value = serde_json::to_value(document).unwrap_or(Value::Null);
    let json = Bytes::from(value.to_string());
    let html = Bytes::from(page::render(&value));
    let style = Bytes::from_static(include_bytes!("docs/style.css"));
    Router::new()
        .route("/openapi.json", get(move || fixed(json.clone(), "application/json")))
        .route("/docs", get(move || fixed(html.clone(), "text/html; charset=utf-8")))
        .route("/docs/style.css", get(move || fixed(style.clone(), "text/css")))
}

#[expect(clippy::unused_async, reason = "a handler is a future")]
async fn fixed(body: Bytes, media_type: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, CACHE),
    ];
    (headers, body)
}

/// Text inside HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A text with `code` in backquotes and blank lines between paragraphs.
fn prose(text: &str) -> String {
    let paragraph = |text: &str| {
        let pieces = text.split('`').enumerate().map(|(index, piece)| {
            let piece = escape(piece);
            if index % 2 == 1 { format!("<code>{piece}</code>") } else { piece }
        });
        format!("<p>{}</p>\n", pieces.collect::<String>())
    };
    text.split("\n\n").filter(|text| !text.trim().is_empty()).map(paragraph).collect()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_document_becomes_markup() {
        assert_eq!(
            prose("a <b> `c & \"d\"`\n\ne"),
            "<p>a &lt;b&gt; <code>c &amp; &quot;d&quot;</code></p>\n<p>e</p>\n"
        );
    }
}
