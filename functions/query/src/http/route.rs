//! `GET /v1/route`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::RouteView;
use homing_endpoint::{ApiQuery, Edge, Problem, Refusals, Seeker, best_gateways, route_view};
use serde::Deserialize;

use super::QueryPorts;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asker {
    /// The device that asks; required with a device's secret.
    #[expect(dead_code, reason = "the caller's check reads it; named here so that it is documented and allowed")]
    device: Option<String>,
    /// Prefer gateways of this region.
    region: Option<String>,
}

/// Where to connect
///
/// Gateways in the order of preference, by region and load; never a draining or a dead one.
#[utoipa::path(
    get,
    path = "/v1/route",
    tag = "devices",
    operation_id = "find_route",
    params(Asker),
    responses((status = 200, description = "Where and how to connect.", body = RouteView), Refusals),
    security(("device_secret" = []), ("client_key" = []), ("server_key" = [])),
)]
pub(super) async fn get_route<P: QueryPorts>(
    State(edge): State<Edge<P>>,
    Seeker { app }: Seeker,
    ApiQuery(asker): ApiQuery<Asker>,
) -> Result<Json<RouteView>, Problem> {
    let leases = edge.ports().leases().await?;
    let gateways = best_gateways(leases, asker.region.as_deref(), edge.now(), edge.entropy().random_16());
    let heartbeat = match app.heartbeat {
        Some(own) => own,
        None => edge.ports().settings().await?.heartbeat,
    };
    Ok(Json(route_view(&gateways, heartbeat)))
}
