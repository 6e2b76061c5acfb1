//! The HTTP face of this function.

mod alerts;
mod apps;
mod channels;
mod dead_letters;
mod gateways;
mod settings;

use std::sync::Arc;

use axum::Extension;
use homing_endpoint::{Edge, Problem};
use homing_ports::{Apps, Gateways, Notices, Queues, Settings, VendorChannels};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::apps::AppChangeError;
use crate::vendor_desk::CheckCredentials;

/// The ports of this function.
pub trait ConsolePorts: Apps + Gateways + Notices + Queues + Settings + VendorChannels + 'static {}
impl<P: Apps + Gateways + Notices + Queues + Settings + VendorChannels + 'static> ConsolePorts for P {}

/// The routes of this function where vendors are asked about credentials.
pub fn router_with_vendors<P: ConsolePorts>(edge: Edge<P>, vendors: Arc<dyn CheckCredentials>) -> OpenApiRouter {
    router(edge).layer(Extension(vendors))
}

/// The routes of this function where no vendor can be asked: to check a credential there is refused.
pub fn router<P: ConsolePorts>(edge: Edge<P>) -> OpenApiRouter {
    OpenApiRouter::default()
        .routes(routes!(apps::post_app, apps::get_apps))
        .routes(routes!(apps::get_app, apps::patch_app, apps::delete_app))
        .routes(routes!(apps::rotate_keys))
        .routes(routes!(alerts::get_alert_key))
        .routes(routes!(channels::get_channels))
        .routes(routes!(channels::get_channel, channels::put_channel, channels::delete_channel))
        .routes(routes!(channels::put_channel_policy))
        .routes(routes!(settings::get_heartbeat, settings::put_heartbeat))
        .routes(routes!(settings::get_app_heartbeat, settings::put_app_heartbeat, settings::delete_app_heartbeat))
        .routes(routes!(gateways::get_gateways))
        .routes(routes!(gateways::drain_gateway))
        .routes(routes!(dead_letters::get_dead_letters))
        .routes(routes!(dead_letters::post_redrive))
        .with_state(edge)
}

/// Why a change was refused. `refusal` says what the change itself objected to.
fn refused<E>(error: AppChangeError<E>, refusal: impl FnOnce(E) -> Problem) -> Problem {
    match error {
        AppChangeError::Exists => Problem::conflict("app_exists", "there is an app with this id"),
        AppChangeError::Gone => Problem::not_found("app"),
        AppChangeError::Busy => Problem::busy(),
        AppChangeError::Refused(error) => refusal(error),
        AppChangeError::Port(error) => error.into(),
    }
}
