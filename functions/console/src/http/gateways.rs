//! `/v1/gateways`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{Drain, GatewayList, GatewayView};
use homing_domain::{Notice, ServerId};
use homing_endpoint::{ApiJsonOrDefault, ApiPath, BodyRefusals, Edge, NotFound, Operator, Problem, Refusals};
use http::StatusCode;

use super::ConsolePorts;

/// List gateways
///
/// With their load and leases; one whose lease ended stays in the list for a while.
#[utoipa::path(
    get,
    path = "/v1/gateways",
    tag = "operators",
    operation_id = "list_gateways",
    responses((status = 200, description = "All gateways.", body = GatewayList), Refusals),
    security(("admin_token" = [])),
)]
pub(super) async fn get_gateways<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
) -> Result<Json<GatewayList>, Problem> {
    let mut leases = edge.ports().leases().await?;
    leases.sort_by_key(|lease| lease.gateway);
    let now = edge.now();
    Ok(Json(GatewayList { gateways: leases.iter().map(|lease| GatewayView::new(lease, now)).collect() }))
}

/// Drain a gateway
///
/// It takes no new links and asks the devices it has to move, each with its next heartbeat.
#[utoipa::path(
    post,
    path = "/v1/gateways/{id}/drain",
    tag = "operators",
    operation_id = "drain_gateway",
    params(("id" = String, Path, description = "The gateway's server id.")),
    request_body = Option<Drain>,
    responses((status = 202, description = "It is told.", body = GatewayView), Refusals, BodyRefusals, NotFound),
    security(("admin_token" = [])),
)]
pub(super) async fn drain_gateway<P: ConsolePorts>(
    State(edge): State<Edge<P>>,
    _: Operator,
    ApiPath(id): ApiPath<ServerId>,
    ApiJsonOrDefault(body): ApiJsonOrDefault<Drain>,
) -> Result<(StatusCode, Json<GatewayView>), Problem> {
    let spread = body.check()?;
    let now = edge.now();
    let leases = edge.ports().leases().await?;
    let live = leases.into_iter().filter(|lease| lease.gateway.server_id == id && lease.is_valid(now));
    let lease = live.max_by_key(|lease| lease.gateway).ok_or_else(|| Problem::not_found("live gateway"))?;
    edge.ports().notify(lease.gateway, vec![Notice::Drain { spread }]).await?;
    Ok((StatusCode::ACCEPTED, Json(GatewayView::new(&lease, now))))
}
