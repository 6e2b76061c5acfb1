//! What operators and their machines ask: is it alive, is it ready, what are its numbers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use homing_ports::Settings;
use http::{HeaderMap, StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;

/// Whether new work is wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub(super) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    pub(super) fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What these endpoints need.
pub(super) struct Operations<P> {
    pub(super) ports: P,
    pub(super) readiness: Readiness,
    pub(super) metrics: PrometheusHandle,
    /// For callers of `/metrics` that are not on loopback; `None` = none may.
    pub(super) metrics_token: Option<Arc<str>>,
}

impl<P: Clone> Clone for Operations<P> {
    fn clone(&self) -> Self {
        Self {
            ports: self.ports.clone(),
            readiness: self.readiness.clone(),
            metrics: self.metrics.clone(),
            metrics_token: self.metrics_token.clone(),
        }
    }
}

pub(super) fn router<P: Settings + Clone + 'static>(operations: Operations<P>) -> Router {
    Router::new()
        .route("/healthz", get(|| std::future::ready("ok\n")))
        .route("/readyz", get(ready::<P>))
        .route("/metrics", get(metrics::<P>))
        .with_state(operations)
}

/// Ready = not stopping, the gateway takes links, and the store answers.
async fn ready<P: Settings + Clone + 'static>(State(operations): State<Operations<P>>) -> Response {
    if !operations.readiness.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: starting or stopping\n").into_response();
    }
    match operations.ports.settings().await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")).into_response(),
    }
}

async fn metrics<P: Settings + Clone + 'static>(
    State(operations): State<Operations<P>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let expected = operations.metrics_token.as_deref().map(homing_credentials::digest);
    let presented = bearer(&headers).map(homing_credentials::digest);
    let proven = matches!((expected, presented), (Some(expected), Some(presented))
        if homing_credentials::digests_match(&expected, &presented));
    if !peer.ip().is_loopback() && !proven {
        return (StatusCode::UNAUTHORIZED, "metrics need the token of the setting metrics.token\n").into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], operations.metrics.render()).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
