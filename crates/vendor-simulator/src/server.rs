//! The HTTP server around the vendors: HTTP/1.1, and HTTP/2 by prior knowledge or ALPN.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::serve::Listener;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::asked::{Asked, Said};
use crate::connection::{Connection, TellingApart};
use crate::control;
use crate::receipts::post_receipts;
use crate::world::{Options, StartError, World, now_ms};

/// Bytes of a request: a batch of a thousand messages of 4 KiB.
const BODY_MAX_BYTES: usize = 8 * 1_024 * 1_024;

/// All nine vendors.
#[derive(Clone)]
pub struct Simulator {
    world: Arc<World>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Simulator")
    }
}

impl Simulator {
    /// Opens the log.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn new(options: &Options) -> Result<Self, StartError> {
        Ok(Self { world: Arc::new(World::new(options)?) })
    }

    /// What answers requests. Receipts are posted by [`Self::post_receipts`].
    pub fn router(&self) -> Router {
        let vendors = Router::new().fallback(answer).with_state(Arc::clone(&self.world));
        control::router(Arc::clone(&self.world)).merge(vendors)
    }

    /// Posts receipts when they are due, until it is dropped.
    pub async fn post_receipts(&self) {
        post_receipts(Arc::clone(&self.world)).await;
    }

    /// Answers whoever connects and posts receipts, until `stop`.
    ///
    /// # Errors
    /// The listener's.
    pub async fn serve<L>(self, listener: L, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()>
    where
        L: Listener,
        L::Addr: std::fmt::Debug,
    {
        let service = self.router().into_make_service_with_connect_info::<Connection>();
        tokio::select! {
            served = axum::serve(TellingApart(listener), service).with_graceful_shutdown(stop).into_future() => served,
            () = self.post_receipts() => Ok(()),
        }
    }
}

async fn answer(State(world): State<Arc<World>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let (vendor, rest) = path.strip_prefix('/').unwrap_or(path).split_once('/').unwrap_or_default();
    let Some(stage) = world.stage(vendor) else { return plain(StatusCode::NOT_FOUND) };
    let connection = parts.extensions.get::<ConnectInfo<Connection>>();
    stage.count(parts.version, connection.is_some_and(|ConnectInfo(connection)| connection.is_new_to(stage)));
    let Ok(body) = to_bytes(body, BODY_MAX_BYTES).await else { return plain(StatusCode::PAYLOAD_TOO_LARGE) };
    let host = parts.uri.authority().map(ToString::to_string);
    let host = host.or_else(|| parts.headers.get("host").and_then(|host| host.to_str().ok()).map(str::to_owned));
    let scheme = parts.uri.scheme_str().unwrap_or("http");
    let asked = Asked {
        method: parts.method.clone(),
        path: format!("/{rest}"),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        origin: format!("{scheme}://{}", host.unwrap_or_default()),
        headers: parts.headers,
        body,
        now: now_ms(),
    };
    let slow = stage.lock().faults.slow_ms;
    if slow > 0 {
        tokio::time::sleep(Duration::from_millis(slow)).await;
    }
    let outcome = world.answer(stage, &asked);
    if outcome.is_lost { breaking_off(outcome.said) } else { whole(outcome.said) }
}

fn plain(status: StatusCode) -> Response {
    whole(Said::empty(status))
}

fn whole(said: Said) -> Response {
    let body = Body::from(said.body);
    respond(said.status, said.headers, body)
}

/// An answer that ends before its body does, and whose status is of no use without it.
fn breaking_off(said: Said) -> Response {
    let nothing: io::Result<Bytes> = Err(io::Error::other("the answer is to be lost"));
    respond(said.status, said.headers, Body::from_stream(stream::iter([nothing])))
}

fn respond(status: StatusCode, headers: Vec<(&'static str, String)>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    response
}
