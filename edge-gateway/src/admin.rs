//! What operators and their machines ask over HTTP: is it alive, is it ready, what are its numbers, and drain.
//!
//! | request | who may | answer |
//! |---|---|---|
//! | `GET /healthz` | everybody | 200 while the process answers |
//! | `GET /readyz` | everybody | 200 while new links are welcome, else 503 with the reason |
//! | `GET /metrics` | loopback, or the token | Prometheus text |
//! | `GET /stats` | loopback, or the token | [`Stats`] as JSON |
//! | `POST /drain` `{"spread_seconds": n}` | loopback, or the token | the spread that holds; without one, as the number of links suggests |

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use homing_domain::Millis;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use crate::control::{Control, Stats};
use crate::ports::GatewayPorts;

/// Longest body of a request: one number.
const BODY_MAX_BYTES: usize = 1_024;
/// Longest spread that may be ordered: devices that wait longer are better asked later.
const SPREAD_MAX_SECONDS: u64 = 3_600;

/// Renders the process's metrics.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the endpoints need.
pub struct Admin<P> {
    /// The gateway.
    pub control: Control<P>,
    /// The metrics of this process.
    pub metrics: RenderMetrics,
    /// `Authorization: Bearer` of callers that are not on loopback; `None` = none may.
    pub token: Option<Arc<str>>,
}

impl<P> Clone for Admin<P> {
    fn clone(&self) -> Self {
        Self { control: self.control.clone(), metrics: Arc::clone(&self.metrics), token: self.token.clone() }
    }
}

impl<P> fmt::Debug for Admin<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

/// The endpoints. Must be served with [`ConnectInfo`] of the caller's address.
pub fn router<P: GatewayPorts>(admin: Admin<P>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics::<P>))
        .route("/stats", get(stats::<P>))
        .route("/drain", post(drain::<P>))
        .route_layer(from_fn_with_state(admin.clone(), guard::<P>));
    Router::new()
        .route("/healthz", get(|| std::future::ready("ok\n")))
        .route("/readyz", get(ready::<P>))
        .merge(guarded)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(admin)
}

/// Lets callers on loopback and bearers of the token through.
async fn guard<P: GatewayPorts>(
    State(admin): State<Admin<P>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let expected = admin.token.as_deref().map(homing_credentials::digest);
    let presented = bearer(request.headers()).map(homing_credentials::digest);
    let is_proven = matches!((expected, presented), (Some(expected), Some(presented))
        if homing_credentials::digests_match(&expected, &presented));
    if peer.ip().to_canonical().is_loopback() || is_proven {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, "needs the token of the setting admin-token\n").into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

async fn ready<P: GatewayPorts>(State(admin): State<Admin<P>>) -> Response {
    let why_not = admin.control.stats().map_or(Some("stopped"), |stats| stats.why_not_ready());
    match why_not {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}

async fn metrics<P: GatewayPorts>(State(admin): State<Admin<P>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (admin.metrics)()).into_response()
}

async fn stats<P: GatewayPorts>(State(admin): State<Admin<P>>) -> Response {
    admin.control.stats().map_or_else(stopped, |stats| Json(view(&stats)).into_response())
}

fn view(stats: &Stats) -> serde_json::Value {
    json!({
        "server_id": stats.gateway.server_id.to_string(),
        "incarnation": stats.gateway.incarnation,
        "links": stats.links,
        "unproven": stats.unproven,
        "capacity": stats.capacity,
        "draining": stats.draining,
        "draining_since_ms": stats.draining_since.map(|since| since.0),
        "asked_to_move": stats.asked_to_move,
        "lease_valid_until_ms": stats.lease_valid_until.0,
        "superseded": stats.superseded,
        "ready": stats.why_not_ready().is_none(),
        "at_ms": stats.at.0,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DrainOrder {
    spread_seconds: Option<u64>,
}

async fn drain<P: GatewayPorts>(State(admin): State<Admin<P>>, body: Bytes) -> Response {
    let order = if body.is_empty() { Ok(DrainOrder { spread_seconds: None }) } else { serde_json::from_slice(&body) };
    let spread = match order {
        Ok(DrainOrder { spread_seconds }) if spread_seconds.is_none_or(|seconds| seconds <= SPREAD_MAX_SECONDS) => {
            spread_seconds.map(|seconds| seconds * 1_000)
        }
        Ok(_) => return bad_request(&format!("spread_seconds is at most {SPREAD_MAX_SECONDS}")),
        Err(error) => return bad_request(&error.to_string()),
    };
    match admin.control.drain(spread).await {
        Some(spread) => Json(json!({ "draining": true, "spread_seconds": seconds(spread) })).into_response(),
        None => stopped(),
    }
}

fn seconds(millis: Millis) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

fn bad_request(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response()
}

fn stopped() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the gateway has stopped\n").into_response()
}
