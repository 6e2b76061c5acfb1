//! Leases of gateways.

use std::future::Future;

use homing_domain::{GatewayRef, Lease};

use crate::Result;

/// Who is alive.
pub trait Gateways: Send + Sync {
    /// Puts or renews a lease. An older incarnation never replaces a newer one of the same server id; the answer says
    /// whether the lease stands.
    fn renew_lease(&self, lease: Lease) -> impl Future<Output = Result<bool>> + Send;

    /// Ends a lease: a gateway that leaves cleanly.
    fn end_lease(&self, gateway: GatewayRef) -> impl Future<Output = Result<()>> + Send;

    /// All leases, ended ones perhaps among them: the caller compares `expires_at` with its clock.
    fn leases(&self) -> impl Future<Output = Result<Vec<Lease>>> + Send;
}
