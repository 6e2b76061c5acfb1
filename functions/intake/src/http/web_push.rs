//! `POST /wp/{token}` and `DELETE /wp/messages/{token}`: a push service for any Web Push library.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use homing_contract::http::v1::ProblemView;
use homing_credentials::WebPushEndpoint;
use homing_endpoint::{ApiBytes, ApiPath, Edge, Lane, Problem, Refusals, origin};
use homing_ports::Devices;
use http::{HeaderMap, StatusCode, Uri, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control::{self, ControlError};
use crate::queue::Ports;
use crate::web_push::{Terms, check_body, check_sender, take};

pub(super) fn router<P: Ports + Devices + 'static>() -> OpenApiRouter<Edge<P>> {
    OpenApiRouter::default().routes(routes!(post_web_push)).routes(routes!(delete_web_push))
}

/// Send to a Web Push subscription
///
/// What a Web Push library does (RFC 8030, 8291, 8292): the body is encrypted for the device with `aes128gcm`, at most 4,096
/// bytes. It is answered when the message is durable.
#[utoipa::path(
    post,
    path = "/wp/{token}",
    tag = "web push",
    operation_id = "web_push",
    params(
        ("token" = String, Path, description = "The subscription's, as its endpoint has it."),
        ("TTL" = u32, Header, description = "Seconds it is worth delivering; 0 = now or never. At most 28 days are kept."),
        ("Urgency" = Option<String>, Header, description = "`very-low`, `low`, `normal` or `high`."),
        ("Topic" = Option<String>, Header, description = "A later message with the same topic takes the place of one that waits."),
        ("Content-Encoding" = Option<String>, Header, description = "`aes128gcm`, unless the body is empty."),
        ("Authorization" = Option<String>, Header, description = "`vapid t=…, k=…`, where the subscription names an application server."),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "The message is durable and on its way. `Location` names it, `TTL` says how long it is kept."),
        (status = 403, description = "Another application server's subscription, or an identification that is not good.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 404, description = "There is no such subscription.", body = ProblemView, content_type = "application/problem+json"),
        (status = 410, description = "The device is gone: forget the subscription.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 413, description = "More than 4,096 bytes.", body = ProblemView, content_type = "application/problem+json"),
        (status = 415, description = "Not encrypted with `aes128gcm`.",
            body = ProblemView, content_type = "application/problem+json"),
        Refusals,
    ),
    security(()),
)]
async fn post_web_push<P: Ports + Devices + 'static>(
    State(edge): State<Edge<P>>,
    ApiPath(token): ApiPath<String>,
    uri: Uri,
    headers: HeaderMap,
    ApiBytes(body): ApiBytes,
) -> Result<Response, Problem> {
    let endpoint = edge.keys().read_web_push_token(&token).ok_or_else(|| Problem::not_found("subscription"))?;
    let app = edge.app(&endpoint.app).await?.ok_or_else(|| gone("app"))?;
    edge.admit(&app, Lane::Business)?;
    let terms = Terms::read(&headers)?;
    check_body(&headers, &body)?;
    check_sender(&endpoint, &headers, &origin(&uri, &headers)?, edge.now())?;
    check_device(&edge, &endpoint).await?;
    let message = take(&edge, &endpoint, &terms, &body).await?;
    let location = format!("/wp/messages/{}", edge.keys().web_push_message_token(&endpoint.app, message));
    let headers = [(header::LOCATION.as_str(), location), ("ttl", terms.time_to_live.to_string())];
    Ok((StatusCode::CREATED, headers).into_response())
}

/// Take a Web Push message back
///
/// By the address that the answer to its sending named. What the device has shown already is taken back from it.
#[utoipa::path(
    delete,
    path = "/wp/messages/{token}",
    tag = "web push",
    operation_id = "delete_web_push_message",
    params(("token" = String, Path, description = "The message's.")),
    responses(
        (status = 204, description = "It is being taken back, or was over already."),
        (status = 404, description = "There is no such message.", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(()),
)]
async fn delete_web_push<P: Ports + Devices + 'static>(
    State(edge): State<Edge<P>>,
    ApiPath(token): ApiPath<String>,
) -> Result<StatusCode, Problem> {
    let unknown = || Problem::not_found("message");
    let (app, message) = edge.keys().read_web_push_message_token(&token).ok_or_else(unknown)?;
    match control::recall(edge.ports(), &app, message, edge.now()).await {
        Ok(_) | Err(ControlError::Refused(_)) => Ok(StatusCode::NO_CONTENT),
        Err(ControlError::Port(error)) => Err(error.into()),
        Err(ControlError::Unknown | ControlError::IsRecall) => Err(unknown()),
    }
}

async fn check_device<P: Devices>(edge: &Edge<P>, endpoint: &WebPushEndpoint) -> Result<(), Problem> {
    let device = edge.ports().device(&endpoint.device).await?;
    if device.is_some_and(|device| device.app == endpoint.app) { Ok(()) } else { Err(gone("device")) }
}

fn gone(what: &str) -> Problem {
    Problem::new(StatusCode::GONE, "gone", format!("the {what} of this subscription is gone"))
}
