//! A token in exchange for a client's id and secret (RFC 6749, section 4.4).

use homing_domain::{Millis, UnixMillis};
use http::{HeaderValue, StatusCode, Uri};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::access::Access;
use crate::credential::Secret;
use crate::exchange::{EncodeError, Request, Response};
use crate::json_answer::{FORM, UNREADABLE, form, post, text};
use crate::outcome::{Answers, Class, Outcome};

/// How long a token lives whose answer does not say it: what these vendors' pages say.
const USUAL_LIFE_MS: Millis = 60 * 60 * 1_000;
/// How long before its end a token is not used any more: a request that was sent with it is answered by then, and clocks
/// differ.
pub(crate) const RENEW_BEFORE_MS: Millis = 5 * 60 * 1_000;

/// When to renew what lives so long.
pub(crate) const fn renew_at(since: UnixMillis, life: Millis) -> UnixMillis {
    // What lives shorter than that margin twice is at least used for half of its life.
    since.plus(if life > 2 * RENEW_BEFORE_MS { life - RENEW_BEFORE_MS } else { life / 2 })
}

/// Asks for a token.
pub(crate) fn ask(uri: Uri, client_id: &str, client_secret: &Secret) -> Request {
    let fields =
        [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", client_secret.expose())];
    post(uri, FORM, form(fields))
}

/// Reads the answer.
pub(crate) fn read(response: &Response, now: UnixMillis) -> Result<Access, Box<Answers>> {
    let body: Map<String, Value> = serde_json::from_slice(response.body()).unwrap_or_default();
    let token = text(body.get("access_token")).map(Zeroizing::new);
    if let Some(token) = token.filter(|token| response.status().is_success() && bearer(token).is_ok()) {
        let life = text(body.get("expires_in")).and_then(|seconds| seconds.parse::<u64>().ok());
        let life = life.map_or(USUAL_LIFE_MS, |seconds| seconds.saturating_mul(1_000));
        return Ok(Access { token, since: now, renew_at: renew_at(now, life) });
    }
    let class = match response.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Class::RetryLater,
        // A refusal is an error of the client's (RFC 6749 §5.2), or says so in a body. Anything else judges no credential: who
        // leads elsewhere, for one, stands between us and the vendor.
        status if status.is_client_error() || status.is_success() && body.contains_key("error") => Class::AuthError,
        _ => Class::Retry,
    };
    let code = match text(body.get("sub_error")).or_else(|| text(body.get("error"))) {
        Some(code) => code,
        None if response.status().is_success() => UNREADABLE.to_owned(),
        None => response.status().as_str().to_owned(),
    };
    Err(Box::new(Answers::all(&Outcome::of(class, code), 0)))
}

/// The header of a request that a token authorises. It is not shown.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, EncodeError> {
    authorization(&format!("Bearer {token}"))
}

/// A header that authorises a request. It is not shown.
pub(crate) fn authorization(text: &str) -> Result<HeaderValue, EncodeError> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| EncodeError::Misused("what authorises cannot be a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_767_225_605_000);

    fn answer(status: u16, body: &str) -> Response {
        http::Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    #[test]
    fn a_token_is_asked_for_with_a_form_that_no_log_shows() {
        let secret = Secret::new("s+/=&".into());
        let request = ask(Uri::from_static("https://vendor.test/token"), "id", &secret);
        assert_eq!(request.http.body(), "grant_type=client_credentials&client_id=id&client_secret=s%2B%2F%3D%26");
        assert!(!format!("{request:?}").contains("s%2B"), "{request:?}");
        assert!(!format!("{:?}", bearer("t0ken").unwrap()).contains("t0ken"));
    }

    #[test]
    fn a_token_is_used_until_some_time_before_its_end() {
        let life = |body: &str| read(&answer(200, body), NOW).unwrap().renew_at.since(NOW);
        assert_eq!(life(r#"{"access_token":"a\/b","expires_in":3600,"token_type":"Bearer"}"#), 3_300_000);
        assert_eq!(life(r#"{"access_token":"a","expires_in":"60"}"#), 30_000);
        assert_eq!(life(r#"{"access_token":"a"}"#), 3_300_000);
        assert_eq!(*read(&answer(200, r#"{"access_token":"a\/b"}"#), NOW).unwrap().token, "a/b");
    }

    #[test]
    fn no_token_means_a_wrong_client_or_a_passing_fault() {
        for (status, body, class, code) in [
            (
                401,
                r#"{"error":1101,"sub_error":20001,"error_description":"invalid client"}"#,
                Class::AuthError,
                "20001",
            ),
            (400, r#"{"error":"unauthorized_client"}"#, Class::AuthError, "unauthorized_client"),
            (200, r#"{"error":1101}"#, Class::AuthError, "1101"),
            (403, "", Class::AuthError, "403"),
            (503, "", Class::RetryLater, "503"),
            (429, "", Class::RetryLater, "429"),
            (500, "oops", Class::Retry, "500"),
            (500, r#"{"error":1203}"#, Class::Retry, "1203"),
            (302, "", Class::Retry, "302"),
            (200, "<html>", Class::Retry, UNREADABLE),
            (200, r#"{"access_token":"a\nb"}"#, Class::Retry, UNREADABLE),
        ] {
            let answers = read(&answer(status, body), NOW).unwrap_err();
            assert_eq!((answers.class, &*answers.code), (class, code), "{status} {body}");
            assert!(!answers.refresh_access, "{status} {body}");
        }
    }
}
