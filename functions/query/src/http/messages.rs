//! `GET /v1/messages`, one message, and its trace.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{MessageList, MessageSummary, MessageView, TraceView};
use homing_domain::{App, Message, MessageId};
use homing_endpoint::{ApiPath, ApiQuery, Business, Edge, NotFound, Problem, Refusals};
use serde::Deserialize;

use super::QueryPorts;
use crate::cursor;
use crate::trace::{Subject, trace};

/// Messages on a page, unless the request says otherwise.
const PAGE_DEFAULT: usize = 50;
/// Messages on a page at most.
const PAGE_MAX: usize = 200;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// How many; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List messages
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/messages",
    tag = "messages",
    operation_id = "list_messages",
    params(Page),
    responses((status = 200, description = "A page of messages.", body = MessageList), Refusals),
    security(("server_key" = [])),
)]
pub(super) async fn get_messages<P: QueryPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiQuery(page): ApiQuery<Page>,
) -> Result<Json<MessageList>, Problem> {
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::bad_request("invalid_query", format!("limit must lie between 1 and {PAGE_MAX}")));
    }
    let refuse = || Problem::bad_request("invalid_cursor", "the cursor is not one of ours");
    let before = page.cursor.map(|cursor| cursor::read(&cursor).ok_or_else(refuse)).transpose()?;
    let messages = edge.ports().messages_of_app(&app.id, before, limit).await?;
    let next_cursor = messages.last().filter(|_| messages.len() == limit).map(cursor::write);
    Ok(Json(MessageList { messages: messages.iter().map(MessageSummary::new).collect(), next_cursor }))
}

/// Show a message
///
/// Its stage, and what became of it: every device it is for is counted exactly once.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}",
    tag = "messages",
    operation_id = "show_message",
    params(("id" = String, Path, description = "The message's id.")),
    responses((status = 200, description = "The message with its numbers.", body = MessageView), Refusals, NotFound),
    security(("server_key" = [])),
)]
pub(super) async fn get_message<P: QueryPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
) -> Result<Json<MessageView>, Problem> {
    let message = message_of(&edge, &app, id).await?;
    let tally = edge.ports().tally(id).await?;
    Ok(Json(MessageView::new(&message, &tally, edge.now())))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Traced {
    /// Device id or push token.
    device: String,
}

/// Trace a message to a device
///
/// Every stop with its time, and in words why it was not delivered.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}/trace",
    tag = "messages",
    operation_id = "trace_message",
    params(("id" = String, Path, description = "The message's id."), Traced),
    responses((status = 200, description = "The way of the message.", body = TraceView), Refusals, NotFound),
    security(("server_key" = [])),
)]
pub(super) async fn get_trace<P: QueryPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
    ApiQuery(Traced { device }): ApiQuery<Traced>,
) -> Result<Json<TraceView>, Problem> {
    let named = device.parse().ok().or_else(|| edge.keys().verify_push_token(&app.id, &device));
    let device =
        named.ok_or_else(|| Problem::bad_request("invalid_query", "device must be a device id or a push token"))?;
    let message = message_of(&edge, &app, id).await?;
    let leases = edge.ports().leases().await?;
    let subject = Subject { message: &message, device, leases: &leases, now: edge.now() };
    Ok(Json(trace(edge.ports(), subject).await?))
}

/// A message of this app; another app's is not there.
pub(super) async fn message_of<P: QueryPorts>(edge: &Edge<P>, app: &App, id: MessageId) -> Result<Message, Problem> {
    let message = edge.ports().message(id).await?.filter(|message| message.app == app.id);
    message.ok_or_else(|| Problem::not_found("message"))
}
