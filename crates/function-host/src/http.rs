//! What is around the router of an HTTP function.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use homing_store_aws::with_trace;

use crate::host::Host;

/// API Gateway gives each request a trace, under this name.
const TRACE_HEADER: &str = "x-amzn-trace-id";

/// Carries the request's trace on into what it sends, and writes the metrics before the process is frozen.
pub(crate) fn around(host: &Host, router: Router) -> Router {
    router.layer(from_fn_with_state(host.clone(), carry))
}

async fn carry(State(host): State<Host>, request: Request, next: Next) -> Response {
    let trace = request.headers().get(TRACE_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let response = match trace {
        Some(header) => with_trace(header, next.run(request)).await,
        None => next.run(request).await,
    };
    host.flush();
    response
}
