//! `GET /v1/stats/…`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{MessageStatistics, StatisticsQuery, StatisticsView};
use homing_domain::MessageId;
use homing_endpoint::{ApiPath, ApiQuery, Business, Edge, NotFound, Problem, Refusals};

use super::QueryPorts;
use super::messages::message_of;

/// Show how far a message came
///
/// The funnel from sent to opened, by channel, platform and version of the app.
#[utoipa::path(
    get,
    path = "/v1/stats/messages/{id}",
    tag = "statistics",
    operation_id = "show_message_statistics",
    params(("id" = String, Path, description = "The message's id.")),
    responses((status = 200, description = "Its figures.", body = MessageStatistics), Refusals, NotFound),
    security(("server_key" = [])),
)]
pub(super) async fn get_message_statistics<P: QueryPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiPath(id): ApiPath<MessageId>,
) -> Result<Json<MessageStatistics>, Problem> {
    let message = message_of(&edge, &app, id).await?;
    let tally = edge.ports().tally(id).await?;
    Ok(Json(MessageStatistics::new(&message, &tally)))
}

/// Show what became of deliveries over time
///
/// By minute, hour or day (UTC), each event in the period in which it happened. What a device reports late counts in the hour and
/// the day; minutes take what is at most 16 minutes old, hours what is at most 47 hours old. Periods in which nothing happened
/// are left out. Devices' receipts are counted within seconds.
#[utoipa::path(
    get,
    path = "/v1/stats/messages",
    tag = "statistics",
    operation_id = "show_statistics",
    params(StatisticsQuery),
    responses((status = 200, description = "The series, and its sum.", body = StatisticsView), Refusals),
    security(("server_key" = [])),
)]
pub(super) async fn get_statistics<P: QueryPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiQuery(query): ApiQuery<StatisticsQuery>,
) -> Result<Json<StatisticsView>, Problem> {
    let span = query.check(edge.now()).map_err(|why| Problem::bad_request("invalid_query", why))?;
    let found = edge.ports().statistics(&app.id, span.granularity, span.from, span.until).await?;
    Ok(Json(StatisticsView::new(span, &found)))
}
