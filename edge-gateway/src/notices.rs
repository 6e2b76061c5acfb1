//! What the rest tells this gateway.

use std::sync::Arc;
use std::time::Duration;

use homing_domain::{ConnSeq, HandOff, Millis, Notice, Undelivered};
use tracing::warn;

use crate::context::Context;
use crate::ports::GatewayPorts;

/// Notices taken at once; a hand-off among them may be for a page of devices.
const TAKEN_MAX: usize = 64;
/// How long a take waits for the first.
const WAIT: Millis = 1_000;
/// After a failed take.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Routes notices until the gateway ends.
pub(crate) async fn run<P: GatewayPorts>(context: Arc<Context<P>>) {
    loop {
        match context.ports.take_notices(context.gateway, TAKEN_MAX, WAIT).await {
            Ok(notices) => {
                for notice in notices {
                    route(&context, notice).await;
                }
            }
            Err(error) => {
                warn!(%error, "notices cannot be taken");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

async fn route<P: GatewayPorts>(context: &Context<P>, notice: Notice) {
    let registry = &context.registry;
    match notice {
        Notice::HandOff(hand_off) => route_hand_off(context, hand_off).await,
        Notice::Reread { device, conn_seq } => registry.tell(device, conn_seq, |told| told.reread = true),
        Notice::Trim { device, conn_seq } => registry.tell(device, conn_seq, |told| told.trim = true),
        Notice::Superseded { device, by } => registry.promote(device, by),
        Notice::Revoked { device } => registry.tell_older(device, ConnSeq::MAX, |told| told.revoked = true),
        Notice::HeartbeatChanged => {
            context.heartbeats.forget();
            registry.tell_all(|told| told.heartbeat = true);
        }
        Notice::Drain { spread } => drain(context, spread),
    }
}

async fn route_hand_off<P: GatewayPorts>(context: &Context<P>, hand_off: HandOff) {
    let body = Arc::new(hand_off.body);
    for target in hand_off.targets {
        if !context.registry.hand_off(&body, target) {
            let (device, conn_seq, message) = (target.device, target.conn_seq, body.message);
            context.returns.put(Undelivered { device, conn_seq, message, transient: target.seq == 0 }).await;
        }
    }
}

/// Takes no new links, and asks those that are here to move.
pub(crate) fn drain<P: GatewayPorts>(context: &Context<P>, spread: Millis) {
    context.admission.open(false);
    // A gateway does not come back from draining; a second order changes nothing for links that join late.
    context.draining.set(spread).ok();
    context.registry.tell_all(|told| told.drain = Some(spread));
}
