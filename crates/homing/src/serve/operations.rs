//! What operators and their machines ask: is it alive, is it ready, what are its numbers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use homing_domain::ServerId;
use homing_ports::{Clock as _, Gateways as _, Settings as _};
use http::{HeaderMap, StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;

use super::disk_probe::DiskProbe;
use super::start::Ports;

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
#[derive(Clone)]
pub(super) struct Operations {
    pub(super) ports: Ports,
    pub(super) readiness: Readiness,
    /// This process's gateway.
    pub(super) gateway: ServerId,
    pub(super) disk: DiskProbe,
    pub(super) metrics: PrometheusHandle,
    /// For callers of `/metrics` that are not on loopback; `None` = none may.
    pub(super) metrics_token: Option<Arc<str>>,
}

pub(super) fn router(operations: Operations) -> Router {
    Router::new()
        .route("/healthz", get(|| std::future::ready("ok\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(operations)
}

/// Ready = not stopping, the store answers, the disk takes writes, and the gateway takes links.
async fn ready(State(operations): State<Operations>) -> Response {
    match why_not_ready(&operations).await {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}

async fn why_not_ready(operations: &Operations) -> Option<String> {
    if !operations.readiness.is_ready() {
        return Some("starting or stopping".to_owned());
    }
    let ports = &operations.ports;
    if let Err(error) = ports.settings().await {
        return Some(error.to_string());
    }
    if let Some(failure) = ports.store().failure() {
        return Some(format!("the store takes no writes until a restart: {failure}"));
    }
    let now = ports.now();
    if let Err(error) = operations.disk.check(now).await {
        return Some(format!("the data directory takes no writes: {error}"));
    }
    match ports.leases().await {
        Err(error) => Some(error.to_string()),
        Ok(leases) => {
            let mine = leases.iter().find(|lease| lease.gateway.server_id == operations.gateway);
            let takes_links = mine.is_some_and(|lease| lease.is_valid(now) && !lease.draining);
            (!takes_links).then(|| "the gateway takes no links".to_owned())
        }
    }
}

async fn metrics(
    State(operations): State<Operations>,
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
