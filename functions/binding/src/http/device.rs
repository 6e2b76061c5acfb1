//! `/v1/devices/{id}`: for the device itself and for servers of its app.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{BindUser, DevicePatch, DeviceView, SetTags};
use homing_domain::{Device, UserId};
use homing_endpoint::{ApiJson, BodyRefusals, DeviceCaller, Edge, NotFound, Problem, Refusals};
use http::StatusCode;

use super::{BindingPorts, refused, view};
use crate::bind::bind_user;
use crate::deregister::deregister;
use crate::report::report_device;
use homing_directory::update_device;

/// Show a device
#[utoipa::path(
    get,
    path = "/v1/devices/{id}",
    tag = "devices",
    operation_id = "show_device",
    params(("id" = String, Path, description = "The device's id.")),
    responses((status = 200, description = "The device.", body = DeviceView), Refusals, NotFound),
    security(("server_key" = []), ("device_secret" = [])),
)]
pub(super) async fn get_device<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    DeviceCaller { device, .. }: DeviceCaller,
) -> Result<Json<DeviceView>, Problem> {
    view(&edge, &device).map(Json)
}

/// Report changes of a device
///
/// What is left out stays, `null` removes.
#[utoipa::path(
    patch,
    path = "/v1/devices/{id}",
    tag = "devices",
    operation_id = "report_device",
    params(("id" = String, Path, description = "The device's id.")),
    request_body = DevicePatch,
    responses((status = 200, description = "The device as it is now.", body = DeviceView), Refusals, BodyRefusals, NotFound),
    security(("server_key" = []), ("device_secret" = [])),
)]
pub(super) async fn patch_device<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    DeviceCaller { device, .. }: DeviceCaller,
    ApiJson { body, .. }: ApiJson<DevicePatch>,
) -> Result<Json<DeviceView>, Problem> {
    let now = edge.now();
    let device = report_device(edge.ports(), device.id, now, |device: &mut Device| body.clone().apply(device, now))
        .await
        .map_err(|error| refused(error, Problem::from))?;
    view(&edge, &device).map(Json)
}

/// Deregister a device
///
/// Its link is closed, its secret is void, and what waited for it has failed.
#[utoipa::path(
    delete,
    path = "/v1/devices/{id}",
    tag = "devices",
    operation_id = "deregister_device",
    params(("id" = String, Path, description = "The device's id.")),
    responses((status = 204, description = "It is gone."), Refusals, NotFound),
    security(("server_key" = []), ("device_secret" = [])),
)]
pub(super) async fn delete_device<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    DeviceCaller { device, .. }: DeviceCaller,
) -> Result<StatusCode, Problem> {
    deregister(edge.ports(), device.id, edge.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bind a device to a user
///
/// Messages to an earlier user that wait for this device will not reach it any more.
#[utoipa::path(
    put,
    path = "/v1/devices/{id}/user",
    tag = "devices",
    operation_id = "bind_device",
    params(("id" = String, Path, description = "The device's id.")),
    request_body = BindUser,
    responses((status = 200, description = "The device as it is now.", body = DeviceView), Refusals, BodyRefusals, NotFound),
    security(("server_key" = []), ("device_secret" = [])),
)]
pub(super) async fn put_user<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    DeviceCaller { device, .. }: DeviceCaller,
    ApiJson { body, .. }: ApiJson<BindUser>,
) -> Result<Json<DeviceView>, Problem> {
    let user = body.check()?;
    rebind(&edge, &device, Some(&user)).await
}

/// Unbind a device from its user
///
/// Messages to the user that wait for this device will not reach it any more.
#[utoipa::path(
    delete,
    path = "/v1/devices/{id}/user",
    tag = "devices",
    operation_id = "unbind_device",
    params(("id" = String, Path, description = "The device's id.")),
    responses((status = 200, description = "The device as it is now.", body = DeviceView), Refusals, NotFound),
    security(("server_key" = []), ("device_secret" = [])),
)]
pub(super) async fn delete_user<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    DeviceCaller { device, .. }: DeviceCaller,
) -> Result<Json<DeviceView>, Problem> {
    rebind(&edge, &device, None).await
}

/// Set the tags of a device
#[utoipa::path(
    put,
    path = "/v1/devices/{id}/tags",
    tag = "devices",
    operation_id = "tag_device",
    params(("id" = String, Path, description = "The device's id.")),
    request_body = SetTags,
    responses((status = 200, description = "The device as it is now.", body = DeviceView), Refusals, BodyRefusals, NotFound),
    security(("server_key" = []), ("device_secret" = [])),
)]
pub(super) async fn put_tags<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    DeviceCaller { device, .. }: DeviceCaller,
    ApiJson { body, .. }: ApiJson<SetTags>,
) -> Result<Json<DeviceView>, Problem> {
    let tags = body.check()?;
    let device = update_device(edge.ports(), device.id, edge.now(), |device: &mut Device| {
        device.tags.clone_from(&tags);
        Ok::<_, Infallible>(())
    })
    .await
    .map_err(|error| refused(error, |never| match never {}))?;
    view(&edge, &device).map(Json)
}

async fn rebind<P: BindingPorts>(
    edge: &Edge<P>,
    device: &Device,
    user: Option<&UserId>,
) -> Result<Json<DeviceView>, Problem> {
    let bound = bind_user(edge.ports(), device.id, user, || edge.now()).await;
    let device = bound.map_err(|error| refused(error, |never| match never {}))?;
    view(edge, &device).map(Json)
}
