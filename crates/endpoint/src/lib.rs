//! What all functions with an HTTP API share: who calls, what a request may look like, how an error is answered, and the
//! frame around the merged router (limits, request ids, metrics, OpenAPI document and its page).
//!
//! A function's router takes an [`Edge`] as its state and asks of `P` only the ports that it uses. Here, and nowhere
//! below, HTTP status codes exist: [`Problem`] is where errors get theirs.
//!
//! **Must not know**: what any single function does, any store, sockets and TLS.

mod app_cache;
mod auth;
mod body;
mod docs;
mod edge;
mod frame;
mod json;
mod lines;
mod observe;
mod openapi;
mod problem;
mod quota;
mod refusals;
mod request;
mod route;

pub use auth::{Business, Caller, DeviceCaller, Operator, Seeker, bearer};
pub use body::{ApiBytes, body_size, read_body};
pub use edge::{Edge, EdgeLimits, EdgeParts};
pub use frame::{BODY_MAX_BYTES, assemble};
pub use json::{ApiJson, ApiJsonOrDefault};
pub use lines::{ApiLines, LINE_MAX_BYTES, Line, LineFault};
pub use problem::Problem;
pub use quota::Lane;
pub use refusals::{BodyRefusals, NotFound, Refusals};
pub use request::{ApiPath, ApiQuery, check_idempotency_key, idempotency_key, origin};
pub use route::{best_gateways, route_view};
