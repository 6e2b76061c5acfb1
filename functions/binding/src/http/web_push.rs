//! `POST /v1/devices/{id}/web-push-subscriptions`.

use axum::Json;
use axum::extract::State;
use homing_contract::http::v1::{SubscribeWebPush, WebPushSubscribed};
use homing_credentials::WebPushEndpoint;
use homing_endpoint::{ApiJson, BodyRefusals, DeviceCaller, Edge, NotFound, Problem, Refusals, origin};
use http::{HeaderMap, StatusCode, Uri};

use super::BindingPorts;

/// Subscribe a device to Web Push
///
/// Gives an endpoint that any Web Push library can send to (RFC 8030). The device makes the keys itself, and tells its senders
/// endpoint and keys as browsers do; what arrives is decrypted in the device.
#[utoipa::path(
    post,
    path = "/v1/devices/{id}/web-push-subscriptions",
    tag = "web push",
    operation_id = "subscribe_web_push",
    params(("id" = String, Path, description = "The device's id.")),
    request_body = SubscribeWebPush,
    responses(
        (status = 201, description = "The subscription.", body = WebPushSubscribed),
        Refusals,
        BodyRefusals,
        NotFound,
    ),
    security(("server_key" = []), ("device_secret" = [])),
)]
pub(super) async fn subscribe_web_push<P: BindingPorts>(
    State(edge): State<Edge<P>>,
    DeviceCaller { device, .. }: DeviceCaller,
    uri: Uri,
    headers: HeaderMap,
    ApiJson { body, .. }: ApiJson<SubscribeWebPush>,
) -> Result<(StatusCode, Json<WebPushSubscribed>), Problem> {
    let key = body.check()?;
    let subscription = body.subscription;
    let endpoint = WebPushEndpoint::new(device.app, device.id, subscription, key.as_deref());
    let endpoint = format!("{}/wp/{}", origin(&uri, &headers)?, edge.keys().web_push_token(&endpoint));
    Ok((StatusCode::CREATED, Json(WebPushSubscribed { endpoint, subscription })))
}
