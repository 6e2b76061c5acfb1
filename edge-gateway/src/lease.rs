//! The promise to be alive.

use std::sync::Arc;
use std::time::Duration;

use homing_domain::limits::{LEASE_RENEW_EVERY, LEASE_STOP_ACCEPTING_AFTER, LEASE_VALID_FOR};
use homing_domain::{Lease, Load, Millis, UnixMillis};
use homing_telemetry::LinksLive;
use tracing::{error, warn};

use crate::context::Context;
use crate::ports::GatewayPorts;

/// Dispatchers see a lease as it was so long ago at worst: their cache, and a stale listing.
const SEEN_LATE: Millis = 3_000;

/// The lease as it is to be now.
pub(crate) fn lease<P: GatewayPorts>(context: &Context<P>, port: u16) -> Lease {
    Lease {
        gateway: context.gateway,
        host: context.config.advertise_host.clone(),
        port: context.config.advertise_port.unwrap_or(port),
        region: context.config.region.clone(),
        load: Load { links: context.admission.links(), capacity: context.admission.capacity() },
        draining: context.draining.get().is_some(),
        expires_at: context.now().plus(LEASE_VALID_FOR),
    }
}

/// Renews it until the gateway ends. A gateway whose lease is in doubt takes no new links.
///
/// Where dispatchers believed this gateway dead, or did not know it yet, messages wait in mailboxes of live devices without
/// a hand-off. So every mailbox is read again one renewal after the start and after each doubt: by then no cache and no
/// stale listing shows anything but a valid lease.
pub(crate) async fn run<P: GatewayPorts>(context: Arc<Context<P>>, port: u16) {
    let mut renewed_at = context.now();
    let mut was_in_doubt = true;
    loop {
        tokio::time::sleep(Duration::from_millis(LEASE_RENEW_EVERY)).await;
        LinksLive { gateway: context.gateway, links: usize::try_from(context.admission.links()).unwrap_or(usize::MAX) }
            .emit();
        let asked_at = context.now();
        match context.ports.renew_lease(lease(&context, port)).await {
            Ok(true) => {
                let is_in_doubt = context.now().since(renewed_at) >= LEASE_VALID_FOR - SEEN_LATE;
                if std::mem::replace(&mut was_in_doubt, is_in_doubt) && !is_in_doubt {
                    context.registry.tell_all(|told| told.reread = true);
                }
                renewed_at = asked_at;
                let is_draining = context.draining.get().is_some();
                context.admission.open(!is_draining);
            }
            Ok(false) => {
                error!(gateway = %context.gateway, "a later life of this gateway has the lease: no new links here");
                context.admission.open(false);
            }
            Err(error) => {
                warn!(%error, "the lease was not renewed");
                doubt(&context, renewed_at);
            }
        }
    }
}

fn doubt<P: GatewayPorts>(context: &Context<P>, renewed_at: UnixMillis) {
    if context.now().since(renewed_at) >= LEASE_STOP_ACCEPTING_AFTER {
        context.admission.open(false);
    }
}
