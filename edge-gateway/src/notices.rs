//! What the rest tells this gateway.

use std::sync::Arc;
use std::time::Duration;

use homing_domain::{ConnSeq, HandOff, Millis, Notice, Undelivered};
use tracing::warn;

use crate::context::Context;
use crate::ports::GatewayPorts;
use crate::{drain, feeds};

/// Notices taken at once; a hand-off among them may be for a page of devices.
const TAKEN_MAX: usize = 64;
/// How long a take waits for the first: the longest poll of SQS, which bills each.
const WAIT: Millis = 20_000;
/// A take that has no answer so long after its wait has failed.
const ANSWER_WITHIN: Millis = 10_000;
/// After a failed take.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Routes notices until the gateway ends. A take whose answer got lost may have taken notices with it, so after one that
/// failed the mailboxes are read; what a hint is for is in its mailbox before the hint is sent.
pub(crate) async fn run<P: GatewayPorts>(context: Arc<Context<P>>) {
    let mut is_blind = false;
    loop {
        match take(&context).await {
            Ok(notices) => {
                if std::mem::take(&mut is_blind) {
                    context.standing.want_reread();
                }
                for notice in notices {
                    route(&context, notice).await;
                }
            }
            Err(error) => {
                warn!(%error, "notices cannot be taken");
                is_blind = true;
                context.standing.want_reread();
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

async fn take<P: GatewayPorts>(context: &Context<P>) -> homing_ports::Result<Vec<Notice>> {
    let within = Duration::from_millis(WAIT + ANSWER_WITHIN);
    let taken = tokio::time::timeout(within, context.ports.take_notices(context.gateway, TAKEN_MAX, WAIT)).await;
    taken.unwrap_or_else(|_| {
        Err(homing_ports::Error::with_source(homing_ports::Fault::Retry, "take notices", "no answer in time"))
    })
}

async fn route<P: GatewayPorts>(context: &Arc<Context<P>>, notice: Notice) {
    let registry = &context.registry;
    match notice {
        Notice::HandOff(hand_off) => route_hand_off(context, hand_off).await,
        Notice::Reread { device, conn_seq } => registry.tell(device, conn_seq, |told| told.reread = true),
        Notice::Trim { device, conn_seq } => registry.tell(device, conn_seq, |told| told.trim = true),
        Notice::Feed(hint) => feeds::hinted(context, &hint),
        Notice::Superseded { device, by } => registry.promote(device, by),
        Notice::Revoked { device } => registry.tell_older(device, ConnSeq::MAX, |told| told.revoked = true),
        Notice::HeartbeatChanged => {
            context.apps.forget();
            registry.tell_all(|told| told.heartbeat = true);
        }
        Notice::Drain { spread } => {
            drain::begin(context, Some(spread));
        }
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
