//! `POST /v1/devices/unbind` and `/deregister`: many devices at once, for business systems.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use homing_contract::http::v1::{DeviceChange, DeviceIds, DevicesChanged};
use homing_domain::{App, DeviceId};
use homing_endpoint::{ApiJson, BodyRefusals, Business, Edge, Problem, Refusals};

use super::{BindingPorts, refused};
use crate::bind::bind_user;
use crate::deregister::deregister;
use homing_directory::UpdateError;

/// Devices changed at once for one request: they share the store's commits, and one request does not crowd out others.
const AT_ONCE: usize = 32;

/// Unbind devices from their users
///
/// May be repeated: an answer that got lost does no harm.
#[utoipa::path(
    post,
    path = "/v1/devices/unbind",
    tag = "devices",
    operation_id = "unbind_devices",
    request_body = DeviceIds,
    responses((status = 200, description = "What became of each.", body = DevicesChanged), Refusals, BodyRefusals),
    security(("server_key" = [])),
)]
pub(super) async fn unbind_devices<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiJson { body, .. }: ApiJson<DeviceIds>,
) -> Result<Json<DevicesChanged>, Problem> {
    change_all(edge, app, body, Change::Unbind).await
}

/// Deregister devices
///
/// Their links are closed, their secrets are void, and what waited for them has failed. May be repeated.
#[utoipa::path(
    post,
    path = "/v1/devices/deregister",
    tag = "devices",
    operation_id = "deregister_devices",
    request_body = DeviceIds,
    responses((status = 200, description = "What became of each.", body = DevicesChanged), Refusals, BodyRefusals),
    security(("server_key" = [])),
)]
pub(super) async fn deregister_devices<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    Business { app }: Business,
    ApiJson { body, .. }: ApiJson<DeviceIds>,
) -> Result<Json<DevicesChanged>, Problem> {
    change_all(edge, app, body, Change::Deregister).await
}

#[derive(Clone, Copy)]
enum Change {
    Unbind,
    Deregister,
}

/// Does the same to each device and answers in their order; the first failure ends it.
async fn change_all<P: BindingPorts>(
    edge: Edge<P>,
    app: Arc<App>,
    named: DeviceIds,
    change: Change,
) -> Result<Json<DevicesChanged>, Problem> {
    let ids = named.check(&|token| edge.keys().verify_push_token(&app.id, token))?;
    let changes = ids.into_iter().map(move |id| change_one(edge.clone(), Arc::clone(&app), id, change));
    let results = stream::iter(changes).buffered(AT_ONCE).try_collect().await?;
    Ok(Json(DevicesChanged { results }))
}

async fn change_one<P: BindingPorts>(
    edge: Edge<P>,
    app: Arc<App>,
    id: DeviceId,
    change: Change,
) -> Result<DeviceChange, Problem> {
    let is_of_app = edge.ports().device(&id).await?.is_some_and(|device| device.app == app.id);
    let found = match change {
        _ if !is_of_app => false,
        Change::Unbind => match bind_user(edge.ports(), id, None, || edge.now()).await {
            Ok(_) => true,
            Err(UpdateError::Gone) => false,
            Err(error) => return Err(refused(error, |never| match never {})),
        },
        Change::Deregister => {
            deregister(edge.ports(), id, edge.now()).await?;
            true
        }
    };
    Ok(DeviceChange { device_id: id.to_string(), found })
}
