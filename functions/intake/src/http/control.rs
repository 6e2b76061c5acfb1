//! `POST /v1/messages/{id}/pause`, `/resume`, `/abort`, `/rate`, `/recall`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{MessageSummary, ProblemView, RateRequest, RecallAccepted};
use homing_domain::{App, MessageChange, MessageId};
use homing_endpoint::{ApiJson, ApiPath, BodyRefusals, Business, Edge, NotFound, Problem, Refusals};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control;
use crate::queue::Ports;

pub(super) fn router<P: Ports + 'static>() -> OpenApiRouter<Edge<P>> {
    OpenApiRouter::default()
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(abort))
        .routes(routes!(set_rate))
        .routes(routes!(recall))
}

/// Pause a message
///
/// Nobody else is reached until it is resumed. What is on its way to devices already arrives. It takes effect within a few
/// seconds, and lasts: an expired message is not resumed by itself. Pausing what is paused changes nothing.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/pause",
    tag = "messages",
    operation_id = "pause_message",
    params(("id" = String, Path, description = "The message's id.")),
    responses(
        (status = 200, description = "It is paused.", body = MessageSummary),
        (status = 409, description = "Nothing of it is on its way (`not_running`), or it was aborted or recalled before \
            (`stopped`).", body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn pause<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
) -> Result<Json<MessageSummary>, Problem> {
    change(&edge, &app, id, MessageChange::Pause(edge.now())).await
}

/// Resume a message
///
/// It goes on where it was paused. Resuming what goes on changes nothing.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/resume",
    tag = "messages",
    operation_id = "resume_message",
    params(("id" = String, Path, description = "The message's id.")),
    responses(
        (status = 200, description = "It goes on.", body = MessageSummary),
        (status = 409, description = "Nothing of it is on its way (`not_running`), or it was aborted or recalled before \
            (`stopped`).", body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn resume<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
) -> Result<Json<MessageSummary>, Problem> {
    change(&edge, &app, id, MessageChange::Resume(edge.now())).await
}

/// Abort a message
///
/// Nobody else is reached, for ever. Whoever was not found yet is not counted; whoever waits in a queue ends as
/// `cancelled`. Devices that have it keep it: `recall` takes it back from them.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/abort",
    tag = "messages",
    operation_id = "abort_message",
    params(("id" = String, Path, description = "The message's id.")),
    responses(
        (status = 200, description = "It is aborted.", body = MessageSummary),
        (status = 409, description = "Nothing of it is on its way (`not_running`: cancel what has not begun), or it is \
            recalled already (`stopped`).", body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn abort<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
) -> Result<Json<MessageSummary>, Problem> {
    change(&edge, &app, id, MessageChange::Abort).await
}

/// Change a message's rate
///
/// Before it is released or while it runs; it takes effect within ten seconds.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/rate",
    tag = "messages",
    operation_id = "set_message_rate",
    params(("id" = String, Path, description = "The message's id.")),
    request_body = RateRequest,
    responses(
        (status = 200, description = "It goes on at this rate.", body = MessageSummary),
        (status = 409, description = "Everybody it is for is known already (`not_running`), or it was aborted or recalled \
            before (`stopped`).", body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        BodyRefusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn set_rate<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
    json: ApiJson<RateRequest>,
) -> Result<Json<MessageSummary>, Problem> {
    change(&edge, &app, id, MessageChange::SetRate(json.body.check()?)).await
}

/// Recall a message
///
/// Nobody else is reached, what waits for devices is withdrawn, and devices that have it take it away. The recall is a
/// message of its own, with a balance: devices it could not reach yet are `pending` there. Recalling again answers the
/// same recall.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/recall",
    tag = "messages",
    operation_id = "recall_message",
    params(("id" = String, Path, description = "The message's id.")),
    responses(
        (status = 202, description = "The recall is durable and on its way.", body = RecallAccepted),
        (status = 409, description = "It has not begun (`not_running`: cancel it), or takes back another one itself \
            (`is_a_recall`).", body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn recall<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
) -> Result<(StatusCode, Json<RecallAccepted>), Problem> {
    let recall = control::recall(edge.ports(), &app.id, id, edge.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(RecallAccepted::new(recall, id))))
}

async fn change<P: Ports>(
    edge: &Edge<P>,
    app: &App,
    id: MessageId,
    change: MessageChange,
) -> Result<Json<MessageSummary>, Problem> {
    let message = control::change(edge.ports(), &app.id, id, change).await?;
    Ok(Json(MessageSummary::new(&message)))
}
