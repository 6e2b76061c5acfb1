//! What every task of one gateway shares.

use std::sync::{Arc, OnceLock};

use homing_credentials::verify_hello;
use homing_domain::{GatewayRef, Millis, UnixMillis};
use homing_link::server::Claim;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::bodies::Bodies;
use crate::config::GatewayConfig;
use crate::heartbeats::Heartbeats;
use crate::outbox::Outbox;
use crate::ports::GatewayPorts;
use crate::registry::Registry;
use crate::undelivered::Returns;

/// One gateway.
#[derive(Debug)]
pub(crate) struct Context<P> {
    pub(crate) ports: Arc<P>,
    pub(crate) config: GatewayConfig,
    pub(crate) gateway: GatewayRef,
    pub(crate) admission: Arc<Admission>,
    pub(crate) registry: Registry,
    pub(crate) bodies: Bodies,
    pub(crate) heartbeats: Heartbeats,
    pub(crate) outbox: Outbox,
    pub(crate) returns: Returns,
    /// Set once devices are asked to move: over which time.
    pub(crate) draining: OnceLock<Millis>,
    /// Tasks of links.
    pub(crate) links: TaskTracker,
    /// No new connections, and none that is not proven yet.
    pub(crate) closing: CancellationToken,
}

impl<P: GatewayPorts> Context<P> {
    pub(crate) fn now(&self) -> UnixMillis {
        self.ports.now()
    }

    /// Whether the claim's proof is right for this session.
    pub(crate) fn is_proven(&self, claim: &Claim, exporter: &[u8; 32]) -> bool {
        let Claim { key_id, device, credential_generation, conn_seq, auth, .. } = claim;
        self.config.device_keys.device_secret(*key_id, &claim.app, *device, *credential_generation).is_some_and(
            |secret| verify_hello(&secret, exporter, *device, *key_id, *credential_generation, *conn_seq, auth),
        )
    }
}
