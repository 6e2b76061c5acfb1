//! `GET /v1/upstream`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{UpstreamList, UpstreamView};
use homing_endpoint::{ApiQuery, Business, Edge, Problem, Refusals};
use serde::Deserialize;

use super::QueryPorts;

/// Messages on a page, unless the request says otherwise.
const PAGE_DEFAULT: usize = 100;
/// Messages on a page at most: 4 MiB of payload.
const PAGE_MAX: usize = 1_000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only those after this position; 0 = from the beginning.
    after: Option<u64>,
    /// How many; 100 when left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Messages from devices
///
/// In the order of arrival. Keep `next_after` and ask again with it: nothing is shown twice and nothing is left out.
#[utoipa::path(
    get,
    path = "/v1/upstream",
    tag = "messages",
    operation_id = "list_upstream",
    params(Page),
    responses((status = 200, description = "A page of messages from devices.", body = UpstreamList), Refusals),
    security(("server_key" = [])),
)]
pub(super) async fn get_upstream<P: QueryPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiQuery(page): ApiQuery<Page>,
) -> Result<Json<UpstreamList>, Problem> {
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::bad_request("invalid_query", format!("limit must lie between 1 and {PAGE_MAX}")));
    }
    let after = page.after.unwrap_or(0);
    let stored = edge.ports().upstreams(&app.id, after, limit).await?;
    let next_after = stored.last().map_or(after, |last| last.position);
    let messages = stored.iter().map(|stored| UpstreamView::new(stored.position, &stored.upstream)).collect();
    Ok(Json(UpstreamList { messages, next_after }))
}
