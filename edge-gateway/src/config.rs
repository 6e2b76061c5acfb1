//! What a gateway is told at its start.

use std::net::SocketAddr;

use homing_credentials::{DeviceKeys, FleetSecret};
use homing_domain::limits::FEED_REREAD_EVERY;
use homing_domain::{Millis, ServerId};

/// How a gateway is to run.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where to listen, UDP (QUIC) and TCP (TLS) on the same number; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Host name or address that devices are told.
    pub advertise_host: String,
    /// Port number that devices are told; `None` = the one listened on.
    pub advertise_port: Option<u16>,
    /// Free text by which devices prefer near gateways.
    pub region: String,
    /// Stands in each connection id; kept across restarts of a host, unlike the incarnation.
    pub server_id: ServerId,
    /// From it derive the keys that all gateways share: stateless resets, session tickets, Retry tokens.
    pub fleet_secret: FleetSecret,
    /// From them derive the secrets of devices.
    pub device_keys: DeviceKeys,
    /// Who is let in, and how fast.
    pub admission: AdmissionLimits,
    /// A device that takes nothing for so long while the gateway has to write is closed.
    pub write_timeout: Millis,
    /// Receipts wait so long for more of them before they are sent: it adds to the time until the ledger knows, not to the
    /// delivery, and it turns the acks of a busy moment into one write.
    pub receipts_linger: Millis,
    /// Store calls of all links at the same time. A store answers within 20 ms, so that 512 make some 25,000 calls per second;
    /// what is more waits in the gateway instead of opening connections by the thousand, which would starve the lease.
    /// Takeovers do not wait here: admission paces them.
    pub store_calls: usize,
    /// Feeds of apps that have links are read again this often, for hints may be lost: one read per app and gateway.
    pub feed_reread_every: Millis,
    /// Takes from the inbox at the same time. One keeps hand-offs in order where the inbox does; where a take is a request
    /// over the network, several are needed to keep up, and order is lost there anyway.
    pub notice_receivers: usize,
}

impl GatewayConfig {
    /// With every limit at its default.
    #[must_use]
    pub fn new(listen: SocketAddr, server_id: ServerId, fleet_secret: FleetSecret, device_keys: DeviceKeys) -> Self {
        Self {
            listen,
            advertise_host: "localhost".to_owned(),
            advertise_port: None,
            region: String::new(),
            server_id,
            fleet_secret,
            device_keys,
            admission: AdmissionLimits::default(),
            // As long as a radio may be out of reach in a lift without the device being called gone.
            write_timeout: 15_000,
            receipts_linger: 20,
            store_calls: 512,
            feed_reread_every: FEED_REREAD_EVERY,
            notice_receivers: 1,
        }
    }
}

/// Limits at the door. An address is one IPv4 address or one IPv6 /64, which is what one customer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Links at the same time, those still in their handshake among them.
    pub max_links: u32,
    /// Handshakes per second, all together. A core makes about 2,000 TLS handshakes per second.
    pub handshakes_per_second: u32,
    /// Handshakes per second of one address. A carrier's NAT has thousands of devices behind one.
    pub handshakes_per_address_per_second: u32,
    /// Connections without a proven device at the same time, all together: each costs some 30 KiB.
    pub max_unproven: u32,
    /// Of these, from one address.
    pub max_unproven_per_address: u32,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self {
            max_links: 200_000,
            handshakes_per_second: 2_000,
            handshakes_per_address_per_second: 200,
            max_unproven: 4_096,
            max_unproven_per_address: 256,
        }
    }
}
