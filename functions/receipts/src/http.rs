//! The HTTP face of this function. `POST /v1/devices/{id}/receipts`: what people did, reported over HTTPS.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use homing_contract::http::v1::{ReceiptsAccepted, ReceiptsRequest};
use homing_contract::queue::encode;
use homing_credentials::derive_id;
use homing_domain::{AppId, BatchId, DeviceId, Event, MessageId, Receipt, ReceiptBatch};
use homing_endpoint::{ApiJson, BodyRefusals, DeviceCaller, Edge, NotFound, Problem, Refusals};
use homing_ports::{Apps, Messages, Outgoing, QueueName};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;

use crate::callback::{CallbackPorts, endpoint};

/// The ports of this function's HTTP face.
pub trait ReceiptPorts: Apps + CallbackPorts + Messages + 'static {}
impl<P: Apps + CallbackPorts + Messages + 'static> ReceiptPorts for P {}

/// The routes of this function.
pub fn router<P: ReceiptPorts>(edge: Edge<P>) -> OpenApiRouter {
    // Shared by all callbacks of this process.
    let desk = Arc::new(endpoint::Desk::default());
    OpenApiRouter::default()
        .routes(routes!(endpoint::post_callback).layer::<_, Infallible>(Extension(desk)))
        .routes(routes!(post_receipts))
        .with_state(edge)
}

/// Report what people did with messages
///
/// Displayed, opened, dismissed: each counts once per message and device, however often it is reported.
#[utoipa::path(
    post,
    path = "/v1/devices/{id}/receipts",
    tag = "devices",
    operation_id = "report_receipts",
    params(("id" = String, Path, description = "The device's id.")),
    request_body = ReceiptsRequest,
    responses(
        (status = 202, description = "They are durable; counting follows.", body = ReceiptsAccepted),
        Refusals,
        BodyRefusals,
        NotFound,
    ),
    security(("device_secret" = []), ("server_key" = [])),
)]
async fn post_receipts<P: ReceiptPorts>(
    State(edge): State<Edge<P>>,
    DeviceCaller { device, .. }: DeviceCaller,
    ApiJson { body, .. }: ApiJson<ReceiptsRequest>,
) -> Result<(StatusCode, Json<ReceiptsAccepted>), Problem> {
    let mut receipts = body.check(device.id, edge.now())?;
    let named = receipts.len();
    keep_known(edge.ports(), &device.app, &mut receipts).await?;
    let accepted = receipts.len();
    if accepted > 0 {
        let batch = ReceiptBatch { id: batch_id(device.id, &receipts), receipts };
        edge.ports().send(QueueName::Receipts, vec![Outgoing::now(encode(&batch))]).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(ReceiptsAccepted { accepted, unknown: named - accepted })))
}

/// Drops receipts for messages that this app does not have, so that nobody counts on another's.
async fn keep_known<P: Messages>(ports: &P, app: &AppId, receipts: &mut Vec<Receipt>) -> Result<(), Problem> {
    let mut known = HashMap::<MessageId, bool>::new();
    for receipt in &*receipts {
        if let Entry::Vacant(unread) = known.entry(receipt.message) {
            let message = ports.message(receipt.message).await?;
            unread.insert(message.is_some_and(|message| message.app == *app));
        }
    }
    receipts.retain(|receipt| known.get(&receipt.message) == Some(&true));
    Ok(())
}

/// The same report has the same id, whenever it happened, so that a repeat counts once.
fn batch_id(device: DeviceId, receipts: &[Receipt]) -> BatchId {
    let mut parts: Vec<_> = receipts
        .iter()
        .filter_map(|receipt| match receipt.event {
            Event::Fact(fact) => Some((receipt.message, fact.name())),
            Event::Ended(_) => None,
        })
        .collect();
    parts.sort_unstable();
    parts.dedup();
    let mut fields: Vec<&[u8]> = vec![device.as_bytes()];
    fields.extend(parts.iter().flat_map(|(message, fact)| [&message.as_bytes()[..], fact.as_bytes()]));
    BatchId::from_bytes(derive_id("homing/1 facts", &fields))
}

#[cfg(test)]
mod tests {
    use homing_domain::{Channel, Fact, UnixMillis};

    use super::*;

    fn opened(message: u8, at: u64) -> Receipt {
        Receipt {
            message: MessageId::from_bytes([message; 16]),
            device: DeviceId::from_bytes([1; 16]),
            channel: Channel::Own,
            at: UnixMillis(at),
            event: Event::Fact(Fact::Opened),
        }
    }

    #[test]
    fn neither_time_nor_order_nor_repetition_makes_another_batch() {
        let device = DeviceId::from_bytes([1; 16]);
        let id = batch_id(device, &[opened(1, 5), opened(2, 5)]);
        assert_eq!(id, batch_id(device, &[opened(2, 9), opened(1, 9), opened(1, 7)]));
        assert_ne!(id, batch_id(device, &[opened(1, 5)]));
        assert_ne!(id, batch_id(DeviceId::from_bytes([2; 16]), &[opened(1, 5), opened(2, 5)]));
    }
}
