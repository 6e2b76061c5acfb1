//! The HTTP face of this function.

mod business;
mod device;
mod registration;
mod web_push;

use homing_contract::http::v1::DeviceView;
use homing_domain::Device;
use homing_endpoint::{Edge, Problem};
use homing_ports::{Apps, Devices, Gateways, Mailboxes, Notices, Queues, Settings, VendorTokens};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use homing_directory::UpdateError;

/// The ports of this function.
pub trait BindingPorts:
    Apps + Devices + Gateways + Mailboxes + Notices + Queues + Settings + VendorTokens + 'static
{
}
impl<P: Apps + Devices + Gateways + Mailboxes + Notices + Queues + Settings + VendorTokens + 'static> BindingPorts
    for P
{
}

/// The routes of this function.
pub fn router<P: BindingPorts>(edge: Edge<P>) -> OpenApiRouter {
    OpenApiRouter::default()
        .routes(routes!(registration::register_device))
        .routes(routes!(device::get_device, device::patch_device, device::delete_device))
        .routes(routes!(device::put_user, device::delete_user))
        .routes(routes!(device::put_tags))
        .routes(routes!(web_push::subscribe_web_push))
        .routes(routes!(business::unbind_devices))
        .routes(routes!(business::deregister_devices))
        .with_state(edge)
}

/// What is answered about a device after it changed.
fn view<P>(edge: &Edge<P>, device: &Device) -> Result<DeviceView, Problem> {
    let push_token = edge.keys().push_token(device.key_id, &device.app, device.id).ok_or_else(Problem::internal)?;
    Ok(DeviceView::new(device, push_token))
}

/// Why a change was refused. `refusal` says what the change itself objected to.
fn refused<E>(error: UpdateError<E>, refusal: impl FnOnce(E) -> Problem) -> Problem {
    match error {
        UpdateError::Gone => Problem::not_found("device"),
        UpdateError::Busy => Problem::busy(),
        UpdateError::Refused(error) => refusal(error),
        UpdateError::Port(error) => error.into(),
    }
}
