//! Gateways, for operators and for devices that look for one.

use homing_domain::{Lease, UnixMillis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::heartbeat::HeartbeatView;
use super::time::to_timestamp;
use crate::http::{Checked, Violations};

/// Longest time over which a drain may spread its devices: an hour.
const SPREAD_MAX_SECONDS: u64 = 3_600;
/// Time over which a drain spreads its devices: a hundred thousand links make some 1,700 handshakes per second.
const SPREAD_DEFAULT_SECONDS: u64 = 60;

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GatewayView {
    /// Its id, kept across restarts.
    #[schema(example = "0x00000000000000a1")]
    pub server_id: String,
    /// Which life of it.
    pub incarnation: u64,
    /// Host that devices connect to.
    pub host: String,
    /// Port of QUIC and TCP.
    pub port: u16,
    /// Its region, if it has one.
    pub region: String,
    /// Live links.
    pub links: u32,
    /// Links it takes at most.
    pub capacity: u32,
    /// Whether it takes no new links.
    pub draining: bool,
    /// Whether its lease is valid.
    pub live: bool,
    /// When its lease ends unless it renews it.
    pub lease_expires_at: Timestamp,
}

impl GatewayView {
    /// The view of a lease.
    #[must_use]
    pub fn new(lease: &Lease, now: UnixMillis) -> Self {
        Self {
            server_id: lease.gateway.server_id.to_string(),
            incarnation: lease.gateway.incarnation,
            host: lease.host.clone(),
            port: lease.port,
            region: lease.region.clone(),
            links: lease.load.links,
            capacity: lease.load.capacity,
            draining: lease.draining,
            live: lease.is_valid(now),
            lease_expires_at: to_timestamp(lease.expires_at),
        }
    }
}

/// All gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GatewayList {
    /// The gateways, by server id.
    pub gateways: Vec<GatewayView>,
}

/// How to drain a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Drain {
    /// Over which time its devices are asked to move; 60 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 3600)]
    pub spread_seconds: Option<u64>,
}

only_objects!(Drain);

impl Drain {
    /// The spread in milliseconds.
    ///
    /// # Errors
    /// It is longer than an hour.
    pub fn check(self) -> Checked<u64> {
        let seconds = self.spread_seconds.unwrap_or(SPREAD_DEFAULT_SECONDS);
        if seconds <= SPREAD_MAX_SECONDS {
            Ok(seconds * 1_000)
        } else {
            let message = format!("must lie between 0 and {SPREAD_MAX_SECONDS}");
            Err(Violations::one("out_of_range", "/spread_seconds", message))
        }
    }
}

/// Where a device may connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GatewayAddress {
    /// Host name or address.
    pub host: String,
    /// Port of QUIC and TCP.
    pub port: u16,
    /// The gateway's id.
    pub server_id: String,
}

/// How a device waits before it connects again: full jitter between 0 and a bound that doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backoff {
    /// First bound.
    pub base_ms: u64,
    /// Last bound.
    pub max_ms: u64,
    /// Bound of the first try after a link broke unasked.
    pub first_max_ms: u64,
}

impl Default for Backoff {
    /// What every device starts with (device-link design, section 6).
    fn default() -> Self {
        Self { base_ms: 2_000, max_ms: 600_000, first_max_ms: 30_000 }
    }
}

/// Where and how a device connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteView {
    /// Gateways in the order of preference; empty when none is there: ask again after a backoff.
    pub gateways: Vec<GatewayAddress>,
    /// How often to show a sign of life.
    pub heartbeat: HeartbeatView,
    /// How to wait before connecting again.
    pub backoff: Backoff,
}
