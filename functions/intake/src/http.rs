//! The HTTP face of this function; here `POST /v1/messages`.

mod amend;
mod audiences;
mod control;
mod web_push;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use homing_contract::http::v1::{PushAccepted, PushRequest, PushValidated};
use homing_endpoint::{ApiJson, BodyRefusals, Business, Edge, Problem, Refusals, idempotency_key};
use homing_ports::Devices;
use http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::push::{Push, Taken};
use crate::queue::Ports;

/// The routes of this function.
pub fn router<P: Ports + Devices + 'static>(edge: Edge<P>) -> OpenApiRouter {
    OpenApiRouter::default()
        .routes(routes!(post_message))
        .merge(amend::router())
        .merge(control::router())
        .merge(audiences::router())
        .merge(web_push::router())
        .with_state(edge)
}

/// Send a message
///
/// Answers only after the message is durable: from then on no crash loses it. With `validate_only` it is checked and
/// nothing else happens. Without an `Idempotency-Key`, a request that got no answer may or may not have been accepted.
#[utoipa::path(
    post,
    path = "/v1/messages",
    tag = "messages",
    operation_id = "send_message",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "Made by the caller, 1 to 255 characters. The same key and body within 24 hours are the same message.")),
    request_body = PushRequest,
    responses(
        (status = 202, description = "The message is durable and on its way, or waits for its time.", body = PushAccepted),
        (status = 200, description = "With `validate_only`: it would be accepted.", body = PushValidated),
        (status = 409, description = "The Idempotency-Key was used with another body (`idempotency_key_reused`).",
            body = homing_contract::http::v1::ProblemView, content_type = "application/problem+json"),
        Refusals,
        BodyRefusals,
    ),
    security(("server_key" = [])),
)]
async fn post_message<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    headers: HeaderMap,
    json: ApiJson<PushRequest>,
) -> Result<Response, Problem> {
    let idempotency_key = idempotency_key(&headers)?;
    let push = Push { app: &app, json, idempotency_key, sent_at: edge.now() };
    Ok(match push.take(&edge).await? {
        Taken::Valid(valid) => Json(valid).into_response(),
        Taken::Accepted(id, stage) => (StatusCode::ACCEPTED, Json(PushAccepted::new(id, stage))).into_response(),
    })
}
