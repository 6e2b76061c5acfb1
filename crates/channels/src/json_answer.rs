//! Requests with a form or JSON, and answers that are JSON with a code of the vendor's own.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde_json::{Map, Value};

use crate::exchange::{EncodeError, Request, Response};
use crate::outcome::Class;

/// `application/x-www-form-urlencoded`, in UTF-8.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// `application/json`.
pub(crate) const JSON: &str = "application/json; charset=utf-8";
/// A code of ours for an answer that is not the vendor's JSON.
pub(crate) const UNREADABLE: &str = "unreadable";

/// Where a request goes.
pub(crate) fn uri(base_url: &str, path_and_query: &str) -> Result<Uri, EncodeError> {
    format!("{base_url}{path_and_query}").parse().map_err(|_| EncodeError::Misused("the address cannot be a URL"))
}

/// A POST request.
pub(crate) fn post(uri: Uri, content_type: &'static str, body: impl Into<Bytes>) -> Request {
    let mut http = http::Request::new(body.into());
    *http.method_mut() = Method::POST;
    *http.uri_mut() = uri;
    http.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Request { http, identity: None }
}

/// Fields as the body of a form.
pub(crate) fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The JSON object of an answer. Without one the answer means something passing, by its status, or a code that says so.
pub(crate) fn object(response: &Response) -> Result<Map<String, Value>, (Class, String)> {
    let status = response.status();
    match serde_json::from_slice(response.body()) {
        Ok(Value::Object(object)) if status.is_success() => Ok(object),
        _ if status == StatusCode::TOO_MANY_REQUESTS => Err((Class::RetryLater, status.as_str().to_owned())),
        _ if status.is_server_error() => Err((Class::Retry, status.as_str().to_owned())),
        _ if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN => {
            Err((Class::AuthError, status.as_str().to_owned()))
        }
        _ if status.is_client_error() => Err((Class::BadRequest, status.as_str().to_owned())),
        // Something between us and the vendor answered, or the vendor is out of order.
        _ => Err((Class::Retry, UNREADABLE.to_owned())),
    }
}

/// A text or a number as text: vendors write the same code or id now so, now so. Empty is none.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &'static str) -> Response {
        http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn what_is_not_the_vendors_json_is_judged_by_its_status() {
        assert_eq!(object(&answer(200, r#"{"code":0}"#)).unwrap()["code"], 0);
        for (status, body, class, code) in [
            (200, "<html>", Class::Retry, UNREADABLE),
            (302, "", Class::Retry, UNREADABLE),
            (200, "[]", Class::Retry, UNREADABLE),
            (503, r#"{"code":0}"#, Class::Retry, "503"),
            (429, "", Class::RetryLater, "429"),
            (403, "", Class::AuthError, "403"),
            (404, "", Class::BadRequest, "404"),
        ] {
            assert_eq!(object(&answer(status, body)), Err((class, code.to_owned())), "{status} {body}");
        }
    }

    #[test]
    fn codes_are_text_whatever_they_were() {
        assert_eq!(text(Some(&json!(-2))).as_deref(), Some("-2"));
        assert_eq!(text(Some(&json!("110010"))).as_deref(), Some("110010"));
        for none in [None, Some(&json!("")), Some(&json!(null)), Some(&json!([1]))] {
            assert_eq!(text(none), None);
        }
    }
}
