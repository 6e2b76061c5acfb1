//! A client of the HTTP API: for the command line, the load generator and the demonstration.

mod profile;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use profile::{AppKeys, Profile, write_private};

/// An answer is waited for this long: twice the server's own limit of a handler.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The largest answer read; a page of messages stays below 1 MiB.
const ANSWER_MAX_BYTES: usize = 8 * 1_024 * 1_024;

/// A request had no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client cannot be made.
    #[error("{0}")]
    Setup(String),
    /// There was no answer: it may have been carried out or not.
    #[error("no answer from {server}: {why}")]
    NoAnswer {
        /// Whom it was for.
        server: String,
        /// What happened.
        why: String,
    },
    /// The server says no.
    #[error("{}", in_words(*.status, .problem))]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The problem document, or `null`.
        problem: Value,
    },
    /// The answer is no JSON.
    #[error("the answer of {0} cannot be read: is it a Homing server?")]
    NotJson(String),
}

impl ClientError {
    /// Whether the same request may succeed later: no answer, too many requests, or the server's own fault.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Refused { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Setup(_) | Self::NotJson(_) => false,
        }
    }
}

fn in_words(status: StatusCode, problem: &Value) -> String {
    let text = |key: &str| problem.get(key).and_then(Value::as_str);
    let mut words = text("detail").or_else(|| text("title")).map_or_else(|| status.to_string(), str::to_owned);
    if let Some(code) = text("code") {
        words = format!("{words} ({} {code})", status.as_u16());
    }
    if let Some(pointer) = text("pointer") {
        words = format!("{words}, at {pointer}");
    }
    let violations = problem.get("violations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for violation in violations {
        let part = |key: &str| violation.get(key).and_then(Value::as_str).unwrap_or_default();
        words = format!("{words}\n  - {}: {}", part("pointer"), part("message"));
    }
    words
}

/// A client of one server.
#[derive(Clone, Debug)]
pub struct ApiClient {
    server: Arc<str>,
    inner: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl ApiClient {
    /// For a server's base URL. `ca` is one more certificate to trust; without one the system's are.
    ///
    /// # Errors
    /// [`ClientError::Setup`]: no URL, or a certificate that cannot be read.
    pub fn new(server: &str, ca: Option<&Path>) -> Result<Self, ClientError> {
        let server = server.trim_end_matches('/');
        let uri: Uri = server.parse().map_err(|_| ClientError::Setup(format!("{server:?} is no URL")))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(ClientError::Setup(format!("{server:?} must start with http:// or https://")));
        }
        let tls = tls(ca)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        let inner = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { server: server.into(), inner })
    }

    /// GET.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, ClientError> {
        self.send(Method::GET, path, token, Bytes::new(), None).await
    }

    /// POST of a JSON body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.send(Method::POST, path, token, json(body)?, None).await
    }

    /// POST of plain text.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post_text<T: DeserializeOwned>(&self, path: &str, token: &str, text: &str) -> Result<T, ClientError> {
        let body = Bytes::copy_from_slice(text.as_bytes());
        self.send_as("text/plain; charset=utf-8", (Method::POST, path), token, body, None).await
    }

    /// POST of lines of text, under an Idempotency-Key if there is one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post_lines<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        key: Option<&str>,
        lines: Bytes,
    ) -> Result<T, ClientError> {
        self.send_as("text/plain; charset=utf-8", (Method::POST, path), token, lines, key).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete(&self, path: &str, token: &str) -> Result<(), ClientError> {
        self.send(Method::DELETE, path, token, Bytes::new(), None).await
    }

    /// PUT of a JSON body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.send(Method::PUT, path, token, json(body)?, None).await
    }

    /// PATCH of a JSON body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.send(Method::PATCH, path, token, json(body)?, None).await
    }

    /// Pushes a message under an Idempotency-Key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn push<T: DeserializeOwned>(
        &self,
        token: &str,
        key: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.send(Method::POST, "/v1/messages", token, json(body)?, Some(key)).await
    }

    /// `GET` of something that is text.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn get_text(&self, path: &str) -> Result<String, ClientError> {
        let request = Request::builder().method(Method::GET).uri(format!("{}{path}", self.server));
        let request = request.body(Full::default()).map_err(|error| ClientError::Setup(error.to_string()))?;
        let body = tokio::time::timeout(ANSWER_WITHIN, self.body(request)).await;
        let body =
            body.unwrap_or_else(|_| Err(self.no_answer(format!("nothing within {} s", ANSWER_WITHIN.as_secs()))))?;
        String::from_utf8(body.into()).map_err(|_| ClientError::NotJson(self.server.to_string()))
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Bytes,
        idempotency_key: Option<&str>,
    ) -> Result<T, ClientError> {
        self.send_as("application/json", (method, path), token, body, idempotency_key).await
    }

    async fn send_as<T: DeserializeOwned>(
        &self,
        content_type: &'static str,
        (method, path): (Method, &str),
        token: &str,
        body: Bytes,
        idempotency_key: Option<&str>,
    ) -> Result<T, ClientError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        if !token.is_empty() {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| ClientError::Setup("the token holds characters that no token has".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request =
            request.body(Full::new(body)).map_err(|error: http::Error| ClientError::Setup(error.to_string()))?;
        match tokio::time::timeout(ANSWER_WITHIN, self.answer(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.no_answer(format!("nothing within {} s", ANSWER_WITHIN.as_secs()))),
        }
    }

    async fn answer<T: DeserializeOwned>(&self, request: Request<Full<Bytes>>) -> Result<T, ClientError> {
        let body = self.body(request).await?;
        // No content is `null`, which is what a unit and an Option read.
        let body: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(body).map_err(|_| ClientError::NotJson(self.server.to_string()))
    }

    /// The body of an answer that is no refusal.
    async fn body(&self, request: Request<Full<Bytes>>) -> Result<Bytes, ClientError> {
        let response = self.inner.request(request).await.map_err(|error| self.no_answer(innermost(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES)
            .collect()
            .await
            .map_err(|error| self.no_answer(error.to_string()))?
            .to_bytes();
        if !status.is_success() {
            let problem = serde_json::from_slice(&body).unwrap_or(Value::Null);
            return Err(ClientError::Refused { status, problem });
        }
        Ok(body)
    }

    fn no_answer(&self, why: String) -> ClientError {
        ClientError::NoAnswer { server: self.server.to_string(), why }
    }
}

fn json(body: &impl Serialize) -> Result<Bytes, ClientError> {
    serde_json::to_vec(body).map(Bytes::from).map_err(|error| ClientError::Setup(error.to_string()))
}

/// The innermost cause says what happened ("connection refused"); the outer ones only where.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn tls(ca: Option<&Path>) -> Result<rustls::ClientConfig, ClientError> {
    let setup = |error: &dyn std::fmt::Display| ClientError::Setup(format!("TLS cannot be set up: {error}"));
    let builder = rustls::ClientConfig::builder_with_provider(crate::tls_provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| setup(&error))?;
    let Some(ca) = ca else {
        return Ok(builder.with_platform_verifier().map_err(|error| setup(&error))?.with_no_client_auth());
    };
    let unreadable = |error: &dyn std::fmt::Display| ClientError::Setup(format!("{}: {error}", ca.display()));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|error| unreadable(&error))? {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_are_told_in_full() {
        let problem = json!({
            "title": "Invalid", "detail": "the request has 2 errors", "code": "invalid_request",
            "violations": [{"pointer": "/audience", "message": "is missing"}],
        });
        let error = ClientError::Refused { status: StatusCode::UNPROCESSABLE_ENTITY, problem };
        assert_eq!(error.to_string(), "the request has 2 errors (422 invalid_request)\n  - /audience: is missing");
        assert!(!error.is_worth_a_retry());
        let error = ClientError::Refused { status: StatusCode::BAD_GATEWAY, problem: Value::Null };
        assert_eq!(error.to_string(), "502 Bad Gateway");
        assert!(error.is_worth_a_retry());
    }

    #[test]
    fn a_server_needs_a_scheme() {
        assert!(ApiClient::new("localhost:8080", None).is_err());
        assert!(ApiClient::new("http://localhost:8080/", None).is_ok());
    }
}
