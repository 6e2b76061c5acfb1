//! Moving all devices elsewhere without a storm: each is asked in the answer to its next heartbeat, which costs its radio
//! nothing, and picks its moment within the spread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use homing_domain::{Millis, UnixMillis};
use tracing::info;

use crate::context::Context;
use crate::ports::GatewayPorts;

/// Devices that are asked to move per second, when nobody gave a spread. The other gateways take them beside their usual
/// load: a core makes some 2,000 handshakes per second, and a small fleet has two gateways.
const MOVES_PER_SECOND: u64 = 500;
/// The least spread: heartbeats of devices that came at one moment come at one moment.
const SPREAD_MIN: Millis = 10_000;
/// A device that was asked and is here this long after its spread is asked again: its move failed, or it never heard.
const ASK_AGAIN_AFTER: Millis = 30_000;

/// A drain under way.
#[derive(Debug)]
pub(crate) struct Drain {
    pub(crate) spread: Millis,
    pub(crate) began_at: UnixMillis,
    /// Requests to move that were sent.
    asked: AtomicU32,
}

impl Drain {
    /// A request to move is on its way.
    pub(crate) fn asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were sent so far, repeats among them.
    pub(crate) fn asks(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Takes no new links, and asks those that are here to move within `spread` (`None` = as their number suggests). A gateway
/// does not come back from draining; a second order changes nothing. Returns the spread that holds.
pub(crate) fn begin<P: GatewayPorts>(context: &Arc<Context<P>>, spread: Option<Millis>) -> Millis {
    let mut is_new = false;
    let drain = context.drain.get_or_init(|| {
        is_new = true;
        let links = u64::from(context.admission.links());
        let spread = spread.unwrap_or_else(|| (links * 1_000 / MOVES_PER_SECOND).max(SPREAD_MIN));
        info!(gateway = %context.gateway, links, spread_ms = spread, "gateway drains");
        Drain { spread, began_at: context.now(), asked: AtomicU32::new(0) }
    });
    context.admission.open(false);
    if is_new {
        tokio::spawn(ask(Arc::downgrade(context), drain.spread));
    }
    drain.spread
}

/// Asks every link, and asks again those that stay, until the gateway is gone.
async fn ask<P: GatewayPorts>(context: std::sync::Weak<Context<P>>, spread: Millis) {
    while let Some(context) = context.upgrade() {
        context.registry.tell_all(|told| told.drain = Some(spread));
        drop(context);
        // sleep: the pause between two rounds.
        tokio::time::sleep(Duration::from_millis(spread.saturating_add(ASK_AGAIN_AFTER))).await;
    }
}
