//! The HTTP face of this function.

mod messages;
mod presence;
mod route;
mod statistics;
mod upstream;

use homing_endpoint::Edge;
use homing_ports::{Apps, Devices, Gateways, Ledger, Mailboxes, Messages, Settings, Statistics, Upstreams};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The ports of this function.
pub trait QueryPorts:
    Apps + Devices + Gateways + Ledger + Mailboxes + Messages + Settings + Statistics + Upstreams + 'static
{
}
impl<P: Apps + Devices + Gateways + Ledger + Mailboxes + Messages + Settings + Statistics + Upstreams + 'static>
    QueryPorts for P
{
}

/// The routes of this function.
pub fn router<P: QueryPorts>(edge: Edge<P>) -> OpenApiRouter {
    OpenApiRouter::default()
        .routes(routes!(messages::get_messages))
        .routes(routes!(messages::get_message))
        .routes(routes!(messages::get_trace))
        .routes(routes!(presence::get_presence))
        .routes(routes!(route::get_route))
        .routes(routes!(statistics::get_message_statistics))
        .routes(routes!(statistics::get_statistics))
        .routes(routes!(upstream::get_upstream))
        .with_state(edge)
}
