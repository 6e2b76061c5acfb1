//! `/v1/apps`.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{
    AppCreated, AppList, AppPatch, AppView, CreateApp, KeyRotated, ProblemView, RotateKeys,
};
use homing_credentials::ApiKey;
use homing_domain::{App, AppId};
use homing_endpoint::{
    ApiJson, ApiJsonOrDefault, ApiPath, ApiQuery, BodyRefusals, Edge, NotFound, Operator, Problem, Refusals,
};
use http::StatusCode;
use serde::Deserialize;

use super::{ConsolePorts, refused};
use crate::apps::{create_app, update_app};
use crate::keys::rotate;

/// Apps on a page.
const PAGE: usize = 100;

/// Create an app
///
/// Its keys are in the answer and are never shown again.
#[utoipa::path(
    post,
    path = "/v1/apps",
    tag = "operators",
    operation_id = "create_app",
    request_body = CreateApp,
    responses(
        (status = 201, description = "It is created.", body = AppCreated),
        (status = 409, description = "There is an app with this id (`app_exists`).",
            body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        BodyRefusals,
    ),
    security(("admin_token" = [])),
)]
pub(super) async fn post_app<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiJson { body, .. }: ApiJson<CreateApp>,
) -> Result<(StatusCode, Json<AppCreated>), Problem> {
    let now = edge.now();
    let created = create_app(edge.ports(), edge.entropy(), body.check()?, now).await;
    let (app, keys) = created.map_err(|error| refused(error, |never| match never {}))?;
    edge.forget_app(&app.id);
    let answer = AppCreated {
        app: AppView::new(&app, now),
        server_key: keys.server.expose().to_owned(),
        client_key: keys.client.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List apps
#[utoipa::path(
    get,
    path = "/v1/apps",
    tag = "operators",
    operation_id = "list_apps",
    params(Page),
    responses((status = 200, description = "A page of apps, by id.", body = AppList), Refusals),
    security(("admin_token" = [])),
)]
pub(super) async fn get_apps<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiQuery(page): ApiQuery<Page>,
) -> Result<Json<AppList>, Problem> {
    let refuse = |_| Problem::bad_request("invalid_cursor", "the cursor is not one of ours");
    let after = page.cursor.map(|cursor| cursor.parse::<AppId>().map_err(refuse)).transpose()?;
    let apps = edge.ports().apps(after.as_ref(), PAGE).await?;
    let next_cursor = apps.last().filter(|_| apps.len() == PAGE).map(|app| app.id.to_string());
    let now = edge.now();
    Ok(Json(AppList { apps: apps.iter().map(|app| AppView::new(app, now)).collect(), next_cursor }))
}

/// Show an app
#[utoipa::path(
    get,
    path = "/v1/apps/{app}",
    tag = "operators",
    operation_id = "show_app",
    params(("app" = String, Path, description = "The app's id.")),
    responses((status = 200, description = "The app.", body = AppView), Refusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn get_app<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
) -> Result<Json<AppView>, Problem> {
    let app = edge.ports().app(&id).await?.ok_or_else(|| Problem::not_found("app"))?;
    Ok(Json(AppView::new(&app, edge.now())))
}

/// Change an app
///
/// What is left out stays.
#[utoipa::path(
    patch,
    path = "/v1/apps/{app}",
    tag = "operators",
    operation_id = "change_app",
    params(("app" = String, Path, description = "The app's id.")),
    request_body = AppPatch,
    responses((status = 200, description = "The app as it is now.", body = AppView), Refusals, BodyRefusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn patch_app<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
    ApiJson { body, .. }: ApiJson<AppPatch>,
) -> Result<Json<AppView>, Problem> {
    let changed = update_app(edge.ports(), &id, |app: &mut App| body.clone().apply(app)).await;
    let app = changed.map_err(|error| refused(error, Problem::from))?;
    edge.forget_app(&id);
    Ok(Json(AppView::new(&app, edge.now())))
}

/// Delete an app
///
/// Its keys are void within 2 seconds. Its devices and messages stay until they age out, unreachable.
#[utoipa::path(
    delete,
    path = "/v1/apps/{app}",
    tag = "operators",
    operation_id = "delete_app",
    params(("app" = String, Path, description = "The app's id.")),
    responses((status = 204, description = "It is gone."), Refusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn delete_app<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
) -> Result<StatusCode, Problem> {
    edge.ports().app(&id).await?.ok_or_else(|| Problem::not_found("app"))?;
    edge.ports().delete_app(&id).await?;
    edge.forget_app(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate the server key
///
/// The new key is in the answer and is never shown again. The present one stays valid for `grace_seconds`, a day when left
/// out; at most two are valid at once.
#[utoipa::path(
    post,
    path = "/v1/apps/{app}/keys/rotate",
    tag = "operators",
    operation_id = "rotate_keys",
    params(("app" = String, Path, description = "The app's id.")),
    request_body = Option<RotateKeys>,
    responses((status = 201, description = "The new key.", body = KeyRotated), Refusals, BodyRefusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn rotate_keys<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
    ApiJsonOrDefault(body): ApiJsonOrDefault<RotateKeys>,
) -> Result<(StatusCode, Json<KeyRotated>), Problem> {
    let grace = body.check()?;
    let key = ApiKey::server(&id, edge.entropy().random_32());
    let now = edge.now();
    let changed = update_app(edge.ports(), &id, |app: &mut App| {
        rotate(app, &key, grace, now);
        Ok::<_, Infallible>(())
    })
    .await;
    let app = changed.map_err(|error| refused(error, |never| match never {}))?;
    edge.forget_app(&id);
    let answer = KeyRotated { app: AppView::new(&app, now), server_key: key.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(answer)))
}
