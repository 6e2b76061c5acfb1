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
    idempotency_key,
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{ConsolePorts, refused};
use crate::apps::{NewKeys, create_app, update_app};
use crate::channels::delete_channels;
use crate::keys::rotate;

/// Apps on a page.
const PAGE: usize = 100;

/// Create an app
///
/// Its keys are in the answer and are never shown again, except to a repeat with the same `Idempotency-Key` and body.
#[utoipa::path(
    post,
    path = "/v1/apps",
    tag = "operators",
    operation_id = "create_app",
    params(("Idempotency-Key" = Option<String>, Header, description = "Made by the caller, 1 to 255 characters.")),
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
    headers: HeaderMap,
    ApiJson { body, .. }: ApiJson<CreateApp>,
) -> Result<(StatusCode, Json<AppCreated>), Problem> {
    let now = edge.now();
    let new = body.check()?;
    let repeat = idempotency_key(&headers)?;
    let server = unguessable(&edge, "homing/1 first server key", &new.id, repeat);
    let keys = NewKeys::new(&new.id, server, unguessable(&edge, "homing/1 client key", &new.id, repeat));
    let created = create_app(edge.ports(), new, &keys, now).await;
    let app = created.map_err(|error| refused(error, |never| match never {}))?;
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
/// Its keys are void within 2 seconds, and what it had from vendors is deleted. Its devices and messages stay until they age out, unreachable.
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
    // First: once the app is gone nobody would find them.
    delete_channels(edge.ports(), &id).await?;
    edge.ports().delete_app(&id).await?;
    edge.forget_app(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate the server key
///
/// The new key is in the answer and is never shown again. The present one stays valid for `grace_seconds`, a day when left
/// out; at most two are valid at once. Send an `Idempotency-Key`: when the answer is lost, a repeat with it shows the same
/// key, while a repeat without it would end the key that is in use.
#[utoipa::path(
    post,
    path = "/v1/apps/{app}/keys/rotate",
    tag = "operators",
    operation_id = "rotate_keys",
    params(
        ("app" = String, Path, description = "The app's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Made by the caller, 1 to 255 characters."),
    ),
    request_body = Option<RotateKeys>,
    responses((status = 201, description = "The new key.", body = KeyRotated), Refusals, BodyRefusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn rotate_keys<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<AppId>,
    headers: HeaderMap,
    ApiJsonOrDefault(body): ApiJsonOrDefault<RotateKeys>,
) -> Result<(StatusCode, Json<KeyRotated>), Problem> {
    let grace = body.check()?;
    let repeat = idempotency_key(&headers)?;
    let key = ApiKey::server(&id, unguessable(&edge, "homing/1 server key", &id, repeat));
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

/// Bytes for a new key: random, or what the Idempotency-Key stands for, so that a repeat finds the same.
fn unguessable<P>(edge: &Edge<P>, label: &str, app: &AppId, idempotency_key: Option<&str>) -> [u8; 32] {
    match idempotency_key {
        Some(repeat) => edge.keys().derived_secret(label, &[app.as_str().as_bytes(), repeat.as_bytes()]),
        None => edge.entropy().random_32(),
    }
}
