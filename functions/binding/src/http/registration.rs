//! `POST /v1/devices`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{ProblemView, RegisterDevice, RegisteredDevice};
use homing_domain::{App, Device};
use homing_endpoint::{
    ApiJson, BodyRefusals, Edge, Lane, Problem, Refusals, bearer, best_gateways, idempotency_key, route_view,
};
use http::{HeaderMap, StatusCode};

use super::BindingPorts;
use crate::register::{RegisterError, Registration, register};

/// Shortest Idempotency-Key of a registration. Who knows it and the client key, which is inside every copy of the app, is
/// given the device's secret: so it must not be guessable. 128 random bits in base64 are 22 characters.
const KEY_MIN_BYTES: usize = 22;

/// Register a device
///
/// The secret in the answer is never shown again. With an `Idempotency-Key` (at least 22 random characters, kept by the
/// device) a repeat answers the same device.
#[utoipa::path(
    post,
    path = "/v1/devices",
    tag = "devices",
    operation_id = "register_device",
    params(("Idempotency-Key" = Option<String>, Header, description = "Made by the device: at least 22 random characters.")),
    request_body = RegisterDevice,
    responses(
        (status = 201, description = "It is registered.", body = RegisteredDevice),
        (status = 409, description = "The device of this Idempotency-Key was deregistered (`device_deregistered`).",
            body = ProblemView, content_type = "application/problem+json"),
        Refusals,
        BodyRefusals,
    ),
    security(("client_key" = [])),
)]
pub(super) async fn register_device<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    headers: HeaderMap,
    ApiJson { mut body, .. }: ApiJson<RegisterDevice>,
) -> Result<(StatusCode, Json<RegisteredDevice>), Problem> {
    let in_body = body.client_key.take();
    let client_key = in_body.as_deref().or_else(|| bearer(&headers)).ok_or_else(|| {
        let detail = "send the app's client key, in the body as client_key or as Authorization: Bearer …";
        Problem::unauthorized("credentials_missing", detail)
    })?;
    let app = edge.app_of_client_key(client_key).await?;
    edge.admit(&app, Lane::Registration)?;
    let idempotency_key = idempotency_key(&headers)?;
    if idempotency_key.is_some_and(|key| key.len() < KEY_MIN_BYTES) {
        let detail = format!("the Idempotency-Key of a registration must be at least {KEY_MIN_BYTES} characters");
        return Err(Problem::bad_request("invalid_idempotency_key", detail));
    }
    let (profile, vendor) = body.check(edge.now())?;
    let registration = Registration { app: &app.id, profile, vendor, idempotency_key };
    let device = match register(edge.ports(), edge.keys(), edge.entropy(), edge.now(), registration).await {
        Ok(device) => device,
        Err(RegisterError::Port(error)) => return Err(error.into()),
        Err(RegisterError::Deregistered) => {
            let detail = "the device of this Idempotency-Key was deregistered; register with another key";
            return Err(Problem::conflict("device_deregistered", detail));
        }
    };
    Ok((StatusCode::CREATED, Json(answer(&edge, &app, &device).await?)))
}

async fn answer<P: BindingPorts>(edge: &Edge<P>, app: &App, device: &Device) -> Result<RegisteredDevice, Problem> {
    let keys = edge.keys();
    let secret = keys.device_secret(device.key_id, &device.app, device.id, device.credential_generation);
    let push_token = keys.push_token(device.key_id, &device.app, device.id);
    let heartbeat = match app.heartbeat {
        Some(own) => own,
        None => edge.ports().settings().await?.heartbeat,
    };
    let leases = edge.ports().leases().await?;
    let gateways = best_gateways(leases, None, edge.now(), edge.entropy().random_16());
    Ok(RegisteredDevice {
        device_id: device.id.to_string(),
        device_secret: secret.ok_or_else(Problem::internal)?.to_text(),
        push_token: push_token.ok_or_else(Problem::internal)?,
        app_id: device.app.to_string(),
        epoch: device.epoch,
        key_id: device.key_id,
        credential_generation: device.credential_generation,
        route: route_view(&gateways, heartbeat),
    })
}
