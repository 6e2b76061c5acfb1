//! The promise to be alive.

use std::sync::Arc;
use std::time::Duration;

use homing_domain::limits::{LEASE_RENEW_EVERY, LEASE_STOP_ACCEPTING_AFTER, LEASE_VALID_FOR};
use homing_domain::{Lease, Load, UnixMillis};
use homing_telemetry::LinksLive;
use tracing::{error, warn};

use crate::context::Context;
use crate::ports::GatewayPorts;

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
pub(crate) async fn run<P: GatewayPorts>(context: Arc<Context<P>>, port: u16) {
    let mut renewed_at = context.now();
    loop {
        tokio::time::sleep(Duration::from_millis(LEASE_RENEW_EVERY)).await;
        LinksLive { gateway: context.gateway, links: usize::try_from(context.admission.links()).unwrap_or(usize::MAX) }
            .emit();
        match context.ports.renew_lease(lease(&context, port)).await {
            Ok(true) => {
                renewed_at = context.now();
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
