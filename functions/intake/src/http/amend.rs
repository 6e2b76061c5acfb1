//! `PATCH /v1/messages/{id}` and `POST /v1/messages/{id}/cancel`: what may be changed until the release.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{MessagePatch, MessageSummary, ProblemView};
use homing_domain::{MessageChange, MessageId};
use homing_endpoint::{ApiJson, ApiPath, BodyRefusals, Business, Edge, NotFound, Problem, Refusals};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::amend::amend;
use crate::control;
use crate::lists::check_lists;
use crate::queue::Ports;

pub(super) fn router<P: Ports + 'static>() -> OpenApiRouter<Edge<P>> {
    OpenApiRouter::default().routes(routes!(patch_message)).routes(routes!(cancel))
}

/// Change a message before its release
///
/// Replaces its audience, content, options or schedule while it is `scheduled`. What is left out stays; what is named is
/// replaced whole. May be repeated.
#[utoipa::path(
    patch,
    path = "/v1/messages/{id}",
    tag = "messages",
    operation_id = "amend_message",
    params(("id" = String, Path, description = "The message's id.")),
    request_body = MessagePatch,
    responses(
        (status = 200, description = "The message as it stands now.", body = MessageSummary),
        (status = 409, description = "It is not `scheduled` any more (`too_late`); the text names its stage.",
            body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        BodyRefusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn patch_message<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
    json: ApiJson<MessagePatch>,
) -> Result<Json<MessageSummary>, Problem> {
    let device_of_token = |token: &str| edge.keys().verify_push_token(&app.id, token);
    let amendment = json.body.check(edge.now(), &device_of_token)?;
    if let Some((audience, exclude)) = &amendment.audience {
        let wanted_at = amendment.release.as_ref().and_then(|release| release.at).unwrap_or_else(|| edge.now());
        check_lists(edge.ports(), &app.id, (audience, exclude), wanted_at).await?.or(())?;
    }
    let message = amend(edge.ports(), &app.id, id, amendment).await?;
    Ok(Json(MessageSummary::new(&message)))
}

/// Cancel a message before its release
///
/// It is never released. Of a recurring message no further occurrence is made; those that were made are messages of their
/// own. May be repeated.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/cancel",
    tag = "messages",
    operation_id = "cancel_message",
    params(("id" = String, Path, description = "The message's id.")),
    responses(
        (status = 200, description = "The message as it stands now: `cancelled`.", body = MessageSummary),
        (status = 409, description = "Its release has begun (`too_late`): it can be aborted or recalled.",
            body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn cancel<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
) -> Result<Json<MessageSummary>, Problem> {
    let message = control::change(edge.ports(), &app.id, id, MessageChange::Cancel).await?;
    Ok(Json(MessageSummary::new(&message)))
}
