//! `POST /v1/messages`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use homing_contract::http::v1::{PushAccepted, PushRequest, PushValidated};
use homing_credentials::sha256;
use homing_domain::Stage;
use homing_endpoint::{ApiJson, BodyRefusals, Business, Edge, Problem, Refusals, idempotency_key};
use homing_ports::{Apps, Messages, Queues};
use http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accept::{AcceptError, Acceptance, accept};

/// The routes of this function.
pub fn router<P: Apps + Messages + Queues + 'static>(edge: Edge<P>) -> OpenApiRouter {
    OpenApiRouter::default().routes(routes!(post_message)).with_state(edge)
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
        (status = 202, description = "The message is durable and on its way.", body = PushAccepted),
        (status = 200, description = "With `validate_only`: it would be accepted.", body = PushValidated),
        (status = 409, description = "The Idempotency-Key was used with another body (`idempotency_key_reused`).",
            body = homing_contract::http::v1::ProblemView, content_type = "application/problem+json"),
        Refusals,
        BodyRefusals,
    ),
    security(("server_key" = [])),
)]
async fn post_message<P: Apps + Messages + Queues + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    headers: HeaderMap,
    ApiJson { body, bytes }: ApiJson<PushRequest>,
) -> Result<Response, Problem> {
    let idempotency_key = idempotency_key(&headers)?;
    let push = body.check(&|token| edge.keys().verify_push_token(&app.id, token))?;
    if push.validate_only {
        return Ok(Json(PushValidated { valid: true }).into_response());
    }
    let acceptance = Acceptance { app: &app.id, push, body_sha256: sha256(&bytes), idempotency_key };
    match accept(edge.ports(), edge.entropy(), edge.now(), acceptance).await {
        Ok(id) => Ok((StatusCode::ACCEPTED, Json(PushAccepted::new(id, Stage::Accepted))).into_response()),
        Err(AcceptError::KeyReused) => {
            let detail = "this Idempotency-Key was used with another body";
            Err(Problem::conflict("idempotency_key_reused", detail))
        }
        Err(AcceptError::Port(error)) => Err(error.into()),
    }
}
