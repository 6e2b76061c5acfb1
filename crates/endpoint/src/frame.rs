//! The frame around the merged router: everything that holds for each request alike.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use homing_ports::{Clock, Entropy};
use tower::ServiceBuilder;
use tower::ServiceExt as _;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::timeout::Timeout;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::docs;
use crate::lines::is_lines;
use crate::observe::{Observer, observe};
use crate::openapi::base_document;
use crate::problem::Problem;

/// Largest body: 1,000 push tokens of 47 characters and a payload of 4 KiB, written generously.
pub const BODY_MAX_BYTES: usize = 64 * 1_024;
/// Longest time for one request, its body's arrival included. A commit takes milliseconds; nobody waits longer anyway.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// The same for a body of lines: a million names over a slow line, with a store that commits them as they come.
const LINES_ANSWER_WITHIN: Duration = Duration::from_secs(600);
/// Requests under way at once. With the largest bodies they take 128 MiB.
const REQUESTS_MAX: usize = 2_048;
/// When to come back after an overload.
const OVERLOAD_RETRY_AFTER_SECONDS: u64 = 1;

/// Merges the functions' routers into the whole API, with `/openapi.json` and `/docs`.
///
/// Every answer has an `X-Request-Id`; what no route takes, panics, overload and lateness are problems like any other.
pub fn assemble(
    routers: impl IntoIterator<Item = OpenApiRouter>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Router {
    let merged = routers.into_iter().fold(OpenApiRouter::with_openapi(base_document()), OpenApiRouter::merge);
    let (router, document) = merged.split_for_parts();
    let guard = ServiceBuilder::new()
        .layer(from_fn_with_state(Observer { clock, entropy }, observe))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(HandleErrorLayer::new(refused))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(REQUESTS_MAX))
        .layer(from_fn(in_time))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES));
    router
        .merge(docs::router(&document))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(guard)
}

async fn no_such_path() -> Problem {
    Problem::not_found("path")
}

async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
}

/// Lets a request take only so long.
async fn in_time(request: Request, next: Next) -> Response {
    let within = time_for(&request);
    Timeout::new(next, within).oneshot(request).await.unwrap_or_else(|_elapsed| late(within).into_response())
}

fn time_for(request: &Request) -> Duration {
    if is_lines(request.headers()) { LINES_ANSWER_WITHIN } else { ANSWER_WITHIN }
}

fn late(within: Duration) -> Problem {
    let detail = format!("no answer within {} s; it may have been done or not", within.as_secs());
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timed_out", detail).retry_after(OVERLOAD_RETRY_AFTER_SECONDS)
}

async fn refused(_overload: BoxError) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many requests are under way; try again")
        .retry_after(OVERLOAD_RETRY_AFTER_SECONDS)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = message, "a request handler panicked");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests;
