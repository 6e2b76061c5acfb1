//! The gateway inside this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use homing_credentials::{DeviceKeys, FleetSecret};
use homing_domain::ServerId;
use homing_edge_gateway::{self as edge, AdmissionLimits, GatewayConfig, RunningGateway};

use super::certificate::Certificate;
use super::error::StartError;
use super::start::Ports;
use crate::adapters::Caller;
use crate::config::GatewayPart;

/// What names the gateway, and from what its keys derive.
pub(super) struct Identity<'a> {
    pub(super) server_id: ServerId,
    pub(super) fleet_secret: &'a FleetSecret,
    pub(super) keys: &'a DeviceKeys,
}

/// A gateway that serves.
#[derive(Debug)]
pub(super) struct Gateway(RunningGateway<Ports>);

impl Gateway {
    pub(super) async fn start(
        ports: &Ports,
        part: &GatewayPart,
        certificate: &Certificate,
        identity: Identity<'_>,
    ) -> Result<Self, StartError> {
        let Identity { server_id, fleet_secret, keys } = identity;
        let config = GatewayConfig {
            advertise_host: part.advertise_host.clone(),
            region: part.region.clone(),
            admission: AdmissionLimits {
                max_links: part.max_links,
                handshakes_per_second: part.handshakes_per_second,
                handshakes_per_address_per_second: part.handshakes_per_address_per_second,
                ..AdmissionLimits::default()
            },
            ..GatewayConfig::new(part.listen, server_id, fleet_secret.clone(), keys.clone())
        };
        let certificate = edge::Certificate { chain: certificate.chain.clone(), key: certificate.key.clone_key() };
        let started = edge::Gateway::start(Arc::new(ports.called_by(Caller::Gateway)), config, certificate).await;
        started.map(Self).map_err(|error| match error {
            edge::StartError::Listen { address, what, source } => {
                StartError::of_bind(address, what, "gateway-listen", source)
            }
            edge::StartError::Certificate(error) => StartError::Certificate(error.to_string()),
            edge::StartError::Lease(_) | edge::StartError::Superseded(_) => StartError::Gateway(error.to_string()),
        })
    }

    pub(super) const fn local_address(&self) -> SocketAddr {
        self.0.local_addr()
    }

    pub(super) async fn stop(self, within: Duration) -> bool {
        self.0.stop(u64::try_from(within.as_millis()).unwrap_or(u64::MAX)).await
    }
}
