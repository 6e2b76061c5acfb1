//! Heartbeat settings, of the whole installation and of one app.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::HeartbeatView;
use homing_domain::{App, AppId, HeartbeatSettings};
use homing_endpoint::{ApiJson, ApiPath, BodyRefusals, Edge, NotFound, Operator, Problem, Refusals};
use homing_ports::Replaced;
use http::StatusCode;

use super::{ConsolePorts, refused};
use crate::apps::update_app;
use crate::tell_gateways::heartbeat_changed;

/// Tries before a change gives up: operators rarely change settings at the same time.
const TRIES_MAX: usize = 8;

/// Show the heartbeat settings
#[utoipa::path(
    get,
    path = "/v1/settings/heartbeat",
    tag = "operators",
    operation_id = "show_heartbeat",
    responses((status = 200, description = "Those of apps without their own.", body = HeartbeatView), Refusals),
    security(("admin_token" = [])),
)]
pub(super) async fn get_heartbeat<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
) -> Result<Json<HeartbeatView>, Problem> {
    Ok(Json(edge.ports().settings().await?.heartbeat.into()))
}

/// Set the heartbeat
///
/// Live links are told at once.
#[utoipa::path(
    put,
    path = "/v1/settings/heartbeat",
    tag = "operators",
    operation_id = "set_heartbeat",
    request_body = HeartbeatView,
    responses((status = 200, description = "As they are now.", body = HeartbeatView), Refusals, BodyRefusals),
    security(("admin_token" = [])),
)]
pub(super) async fn put_heartbeat<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiJson { body, .. }: ApiJson<HeartbeatView>,
) -> Result<Json<HeartbeatView>, Problem> {
    let heartbeat = body.check("")?;
    for _ in 0..TRIES_MAX {
        let mut settings = edge.ports().settings().await?;
        settings.heartbeat = heartbeat;
        settings.revision += 1;
        if edge.ports().replace_settings(settings).await? == Replaced::Done {
            heartbeat_changed(edge.ports(), edge.now()).await?;
            return Ok(Json(heartbeat.into()));
        }
    }
    Err(Problem::busy())
}

/// Show the heartbeat settings of an app
#[utoipa::path(
    get,
    path = "/v1/apps/{app}/settings/heartbeat",
    tag = "operators",
    operation_id = "show_app_heartbeat",
    params(("app" = String, Path, description = "The app's id.")),
    responses(
        (status = 200, description = "Its own, or the installation's if it has none.", body = HeartbeatView),
        Refusals,
        NotFound,
    ),
    security(("admin_token" = [])),
)]
pub(super) async fn get_app_heartbeat<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
) -> Result<Json<HeartbeatView>, Problem> {
    let app = edge.ports().app(&id).await?.ok_or_else(|| Problem::not_found("app"))?;
    let heartbeat = match app.heartbeat {
        Some(own) => own,
        None => edge.ports().settings().await?.heartbeat,
    };
    Ok(Json(heartbeat.into()))
}

/// Set the heartbeat of an app
///
/// Live links are told at once.
#[utoipa::path(
    put,
    path = "/v1/apps/{app}/settings/heartbeat",
    tag = "operators",
    operation_id = "set_app_heartbeat",
    params(("app" = String, Path, description = "The app's id.")),
    request_body = HeartbeatView,
    responses((status = 200, description = "As they are now.", body = HeartbeatView), Refusals, BodyRefusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn put_app_heartbeat<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
    ApiJson { body, .. }: ApiJson<HeartbeatView>,
) -> Result<Json<HeartbeatView>, Problem> {
    let heartbeat = body.check("")?;
    set_app_heartbeat(&edge, &id, Some(heartbeat)).await?;
    Ok(Json(heartbeat.into()))
}

/// Let an app follow the installation's heartbeat
///
/// Live links are told at once.
#[utoipa::path(
    delete,
    path = "/v1/apps/{app}/settings/heartbeat",
    tag = "operators",
    operation_id = "reset_app_heartbeat",
    params(("app" = String, Path, description = "The app's id.")),
    responses((status = 204, description = "It has none of its own any more."), Refusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn delete_app_heartbeat<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
) -> Result<StatusCode, Problem> {
    set_app_heartbeat(&edge, &id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_app_heartbeat<P: ConsolePorts>(
    edge: &Edge<P>,
    id: &AppId,
    heartbeat: Option<HeartbeatSettings>,
) -> Result<(), Problem> {
    let changed = update_app(edge.ports(), id, |app: &mut App| {
        app.heartbeat = heartbeat;
        Ok::<_, Infallible>(())
    })
    .await;
    changed.map_err(|error| refused(error, |never| match never {}))?;
    edge.forget_app(id);
    heartbeat_changed(edge.ports(), edge.now()).await?;
    Ok(())
}
