//! A request id on every answer, and one event per request.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use homing_ports::{Clock, Entropy};
use homing_telemetry::HttpAnswered;
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A caller's own request id is taken over up to this length.
const REQUEST_ID_MAX_BYTES: usize = 64;

#[derive(Clone)]
pub(crate) struct Observer {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

pub(crate) async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let began = observer.clock.now();
    let id = taken_over(&request).unwrap_or_else(|| invented(&*observer.entropy));
    let method = name(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let span = tracing::info_span!("request", request_id = id);
    let mut response = next.run(request).instrument(span).await;
    HttpAnswered {
        route: route.as_deref().unwrap_or("unmatched"),
        method,
        status: response.status().as_u16(),
        took: observer.clock.now().since(began),
        request_id: Some(&id),
    }
    .emit();
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn taken_over(request: &Request) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    ((1..=REQUEST_ID_MAX_BYTES).contains(&id.len()) && plain).then(|| id.to_owned())
}

fn invented(entropy: &dyn Entropy) -> String {
    entropy.random_16().iter().fold(String::with_capacity(32), |mut id, byte| {
        let _infallible = write!(id, "{byte:02x}");
        id
    })
}

/// Methods are a metric label, so a caller must not be able to invent them.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
