//! `/v1/audiences`: lists that are uploaded once and sent to by name.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{MemberKindName, ProblemView, Uploaded, UploadedAudienceList, UploadedAudienceView};
use homing_credentials::derive_id;
use homing_domain::limits::{AUDIENCE_NAME_MAX_BYTES, UPLOAD_KEPT_FOR, UPLOAD_MAX_MEMBERS};
use homing_domain::{App, AudienceId, DeviceId, UploadedAudience};
use homing_endpoint::{ApiLines, ApiPath, ApiQuery, Business, Edge, NotFound, Problem, Refusals, idempotency_key};
use homing_ports::Created;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Builder;

use crate::queue::Ports;
use crate::upload::{Report, Upload, UploadError, too_many};

/// Lists on a page, unless the request says otherwise.
const PAGE_DEFAULT: usize = 50;
/// Lists on a page at most.
const PAGE_MAX: usize = 200;

pub(super) fn router<P: Ports + 'static>() -> OpenApiRouter<Edge<P>> {
    OpenApiRouter::default()
        .routes(routes!(upload, list))
        .routes(routes!(show, delete))
        .routes(routes!(add_members))
        .routes(routes!(finish))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NewList {
    /// What the lines name.
    kind: MemberKindName,
    /// What you call the list.
    #[param(max_length = 128)]
    name: Option<String>,
    /// `false`: more parts follow, and `finish` at last. When left out, this is all.
    finish: Option<bool>,
}

/// Upload an audience
///
/// One name per line, a million lines at most; blank lines are skipped, a repeated name counts once, and lines that are not
/// valid are reported without stopping the rest. The body is read as it arrives. A large list may also come in parts:
/// `?finish=false` here, then `POST /v1/audiences/{id}/members` and `POST /v1/audiences/{id}/finish`.
#[utoipa::path(
    post,
    path = "/v1/audiences",
    tag = "audiences",
    operation_id = "upload_audience",
    params(
        NewList,
        ("Idempotency-Key" = Option<String>, Header, description = "Made by the caller, 1 to 255 characters. The same \
            key within 90 days is the same list; once that is finished, nothing is added to it."),
    ),
    request_body(content = String, content_type = "text/plain", description = "One device id, push token or user per line."),
    responses(
        (status = 201, description = "The lines are durable.", body = Uploaded),
        (status = 409, description = "The Idempotency-Key was used for a list of another kind or name \
            (`idempotency_key_reused`).", body = ProblemView, content_type = "application/problem+json"),
        (status = 413, description = "More than a million lines (`audience_too_large`); nothing is kept.",
            body = ProblemView, content_type = "application/problem+json"),
        (status = 415, description = "The body is not sent as `text/plain`.", body = ProblemView,
            content_type = "application/problem+json"),
        Refusals,
    ),
    security(("server_key" = [])),
)]
async fn upload<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    headers: HeaderMap,
    ApiQuery(new): ApiQuery<NewList>,
    lines: ApiLines,
) -> Result<(StatusCode, Json<Uploaded>), Problem> {
    let finish = new.finish.unwrap_or(true);
    let audience = create(&edge, &app, idempotency_key(&headers)?, new).await?;
    let report = match take(&edge, &app, &audience, lines).await {
        Ok(report) => report,
        Err(error) => {
            if matches!(error, UploadError::TooManyLines(_)) && audience.members.is_none() {
                edge.ports().delete_audience(audience.id).await?;
            }
            return Err(error.into());
        }
    };
    let audience = if finish { finished(&edge, audience.id).await? } else { audience };
    Ok((StatusCode::CREATED, Json(report.into_view(&audience))))
}

/// Puts an empty list, or finds the one that the same key made.
async fn create<P: Ports>(
    edge: &Edge<P>,
    app: &App,
    key: Option<&str>,
    new: NewList,
) -> Result<UploadedAudience, Problem> {
    if let Some(name) = &new.name
        && (name.is_empty() || name.len() > AUDIENCE_NAME_MAX_BYTES || name.chars().any(char::is_control))
    {
        let detail = format!("name must be 1 to {AUDIENCE_NAME_MAX_BYTES} bytes without control characters");
        return Err(Problem::bad_request("invalid_query", detail));
    }
    let now = edge.now();
    let id = match key {
        Some(key) => {
            AudienceId::from_bytes(derive_id("homing/1 audience", &[app.id.as_str().as_bytes(), key.as_bytes()]))
        }
        None => new_id(edge),
    };
    let (kind, name) = (new.kind.into(), new.name);
    let expires_at = now.plus(UPLOAD_KEPT_FOR);
    let audience = UploadedAudience { id, app: app.id.clone(), name, kind, created_at: now, expires_at, members: None };
    match edge.ports().create_audience(audience.clone()).await? {
        Created::New => Ok(audience),
        Created::Exists => {
            // Gone in between: the next try makes it.
            let stored = edge.ports().audience(id).await?.ok_or_else(Problem::busy)?;
            if (stored.kind, &stored.name) == (audience.kind, &audience.name) {
                return Ok(stored);
            }
            let detail = "this Idempotency-Key was used for an audience of another kind or name";
            Err(Problem::conflict("idempotency_key_reused", detail))
        }
    }
}

/// Add lines to an audience
///
/// The next part of a list that was begun with `?finish=false`. A part may be sent again: a name counts once.
#[utoipa::path(
    post,
    path = "/v1/audiences/{id}/members",
    tag = "audiences",
    operation_id = "add_audience_members",
    params(("id" = String, Path, description = "The audience's id.")),
    request_body(content = String, content_type = "text/plain", description = "One device id, push token or user per line."),
    responses(
        (status = 200, description = "The lines are durable.", body = Uploaded),
        (status = 409, description = "The list is finished (`audience_finished`): upload another one.", body = ProblemView,
            content_type = "application/problem+json"),
        (status = 413, description = "More than a million lines in one part (`audience_too_large`).", body = ProblemView,
            content_type = "application/problem+json"),
        (status = 415, description = "The body is not sent as `text/plain`.", body = ProblemView,
            content_type = "application/problem+json"),
        Refusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn add_members<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<AudienceId>,
    lines: ApiLines,
) -> Result<Json<Uploaded>, Problem> {
    let audience = owned(&edge, &app, id).await?;
    if audience.members.is_some() {
        let detail = "the audience is finished, and messages may be under way to it; upload another one";
        return Err(Problem::conflict("audience_finished", detail));
    }
    let report = take(&edge, &app, &audience, lines).await?;
    Ok(Json(report.into_view(&audience)))
}

/// Finish an audience
///
/// Counts its different members and lets messages be sent to it. May be repeated. A list of more than a million members is
/// deleted instead.
#[utoipa::path(
    post,
    path = "/v1/audiences/{id}/finish",
    tag = "audiences",
    operation_id = "finish_audience",
    params(("id" = String, Path, description = "The audience's id.")),
    responses(
        (status = 200, description = "It may be sent to.", body = UploadedAudienceView),
        (status = 413, description = "More than a million members (`audience_too_large`); it is deleted.",
            body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        NotFound,
    ),
    security(("server_key" = [])),
)]
async fn finish<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<AudienceId>,
) -> Result<Json<UploadedAudienceView>, Problem> {
    owned(&edge, &app, id).await?;
    Ok(Json(UploadedAudienceView::from(&finished(&edge, id).await?)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// How many; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List audiences
///
/// Uploaded lists are kept for 90 days.
#[utoipa::path(
    get,
    path = "/v1/audiences",
    tag = "audiences",
    operation_id = "list_audiences",
    params(Page),
    responses((status = 200, description = "A page of audiences.", body = UploadedAudienceList), Refusals),
    security(("server_key" = [])),
)]
async fn list<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiQuery(page): ApiQuery<Page>,
) -> Result<Json<UploadedAudienceList>, Problem> {
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::bad_request("invalid_query", format!("limit must lie between 1 and {PAGE_MAX}")));
    }
    let refuse = || Problem::bad_request("invalid_cursor", "the cursor is not one of ours");
    let after = page.cursor.map(|cursor| cursor.parse().map_err(|_| refuse())).transpose()?;
    let lists = edge.ports().audiences_of_app(&app.id, after, limit).await?;
    let next_cursor = lists.last().filter(|_| lists.len() == limit).map(|last| last.id.to_string());
    Ok(Json(UploadedAudienceList { audiences: lists.iter().map(UploadedAudienceView::from).collect(), next_cursor }))
}

/// Show an audience
#[utoipa::path(
    get,
    path = "/v1/audiences/{id}",
    tag = "audiences",
    operation_id = "show_audience",
    params(("id" = String, Path, description = "The audience's id.")),
    responses((status = 200, description = "The list.", body = UploadedAudienceView), Refusals, NotFound),
    security(("server_key" = [])),
)]
async fn show<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<AudienceId>,
) -> Result<Json<UploadedAudienceView>, Problem> {
    Ok(Json(UploadedAudienceView::from(&owned(&edge, &app, id).await?)))
}

/// Delete an audience
///
/// Only when the messages to it are released: one that finds its list gone stops there, until it is aborted.
#[utoipa::path(
    delete,
    path = "/v1/audiences/{id}",
    tag = "audiences",
    operation_id = "delete_audience",
    params(("id" = String, Path, description = "The audience's id.")),
    responses((status = 204, description = "It is deleted."), Refusals, NotFound),
    security(("server_key" = [])),
)]
async fn delete<P: Ports + 'static>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<AudienceId>,
) -> Result<StatusCode, Problem> {
    owned(&edge, &app, id).await?;
    edge.ports().delete_audience(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn take<P: Ports>(
    edge: &Edge<P>,
    app: &App,
    audience: &UploadedAudience,
    lines: ApiLines,
) -> Result<Report, UploadError> {
    let device_of_token = |token: &str| -> Option<DeviceId> { edge.keys().verify_push_token(&app.id, token) };
    Upload::new(edge.ports(), audience, &device_of_token).take(lines).await
}

/// Finishes a list; one that is too large is deleted, for nothing may be sent to it.
async fn finished<P: Ports>(edge: &Edge<P>, id: AudienceId) -> Result<UploadedAudience, Problem> {
    let list = edge.ports().finish_audience(id).await?.ok_or_else(|| Problem::not_found("audience"))?;
    match list.members {
        Some(members) if members > UPLOAD_MAX_MEMBERS => {
            edge.ports().delete_audience(id).await?;
            Err(too_many("members", members))
        }
        _ => Ok(list),
    }
}

/// A list of this app; another app's is not there.
async fn owned<P: Ports>(edge: &Edge<P>, app: &App, id: AudienceId) -> Result<UploadedAudience, Problem> {
    let list = edge.ports().audience(id).await?.filter(|list| list.app == app.id);
    list.ok_or_else(|| Problem::not_found("audience"))
}

/// A time-ordered id (UUIDv7).
fn new_id<P: Ports>(edge: &Edge<P>) -> AudienceId {
    let mut random = [0; 10];
    random.copy_from_slice(&edge.entropy().random_16()[..10]);
    Builder::from_unix_timestamp_millis(edge.now().0, &random).into_uuid().into()
}
