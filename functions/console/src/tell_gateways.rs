//! Tells gateways what operators changed.

use homing_domain::{Notice, UnixMillis};
use homing_ports::{Error, Gateways, Notices};

/// Tells every live gateway that heartbeat settings changed. One that cannot be told is left out: it reads the settings
/// for each new link anyway.
pub(crate) async fn heartbeat_changed<P: Gateways + Notices>(ports: &P, now: UnixMillis) -> Result<(), Error> {
    for lease in ports.leases().await?.into_iter().filter(|lease| lease.is_valid(now)) {
        if let Err(error) = ports.notify(lease.gateway, vec![Notice::HeartbeatChanged]).await {
            tracing::warn!(gateway = %lease.gateway, error = %error, "a gateway was not told of new heartbeat settings");
        }
    }
    Ok(())
}
