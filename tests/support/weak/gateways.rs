//! Leases of gateways; their listing may be what was true some time ago.

use std::collections::BTreeMap;

use homing_domain::{GatewayRef, Lease, Millis, ServerId, UnixMillis};
use homing_ports::{Gateways, Result};

use super::Weak;

/// Leases, and how they stood before the last change.
#[derive(Debug, Default)]
pub struct GatewayState {
    /// Leases by server.
    pub leases: BTreeMap<ServerId, Lease>,
    before: Vec<Lease>,
    changed_at: UnixMillis,
}

/// How long a listing may show what was.
const STALE_FOR: Millis = 2_000;

impl Gateways for Weak {
    async fn renew_lease(&self, lease: Lease) -> Result<bool> {
        self.call("renew a lease", move |state| {
            state.gateways.before = state.gateways.leases.values().cloned().collect();
            state.gateways.changed_at = state.now;
            let server_id = lease.gateway.server_id;
            if let Some(stored) = state.gateways.leases.get(&server_id)
                && stored.gateway.incarnation > lease.gateway.incarnation
            {
                state.coverage.hit("lease", "an older incarnation is refused");
                return Ok(false);
            }
            state.notices.open(lease.gateway);
            state.gateways.leases.insert(server_id, lease);
            Ok(true)
        })
        .await
    }

    async fn end_lease(&self, gateway: GatewayRef) -> Result<()> {
        self.call("end a lease", move |state| {
            if let Some(lease) = state.gateways.leases.get_mut(&gateway.server_id)
                && lease.gateway == gateway
            {
                lease.expires_at = UnixMillis(0);
            }
            Ok(())
        })
        .await
    }

    async fn leases(&self) -> Result<Vec<Lease>> {
        self.call("list leases", move |state| {
            let chance = state.faults.stale;
            let is_new = state.now.since(state.gateways.changed_at) < STALE_FOR;
            if is_new && state.strikes(chance, "listing is stale") {
                return Ok(state.gateways.before.clone());
            }
            Ok(state.gateways.leases.values().cloned().collect())
        })
        .await
    }
}
