//! A device goes.

use homing_domain::{DeviceId, Notice, Reason, UnixMillis};
use homing_ports::{Devices, Error, Mailboxes, Notices, Queues, VendorTokens};

use crate::receipts::report_undelivered;
use crate::report::release;

/// Deregisters a device: its mailbox takes nothing in and nobody over any more, its link is closed, what waited for it has
/// failed, its vendor's token is nobody's, and the directory forgets it. May be repeated.
///
/// # Errors
/// A port call failed; repeat it.
pub async fn deregister<P>(ports: &P, id: DeviceId, now: UnixMillis) -> Result<(), Error>
where
    P: Devices + Mailboxes + Notices + Queues + VendorTokens,
{
    if let Some(rebound) = ports.revoke(id).await? {
        report_undelivered(ports, id, &rebound.unseen, Reason::Deregistered, now).await?;
        if let Some(route) = rebound.route {
            // Only a hint: a gateway that misses it finds itself fenced at its next write.
            let notified = ports.notify(route.gateway, vec![Notice::Revoked { device: id }]).await;
            if let Err(error) = notified {
                tracing::warn!(device = %id, gateway = %route.gateway, error = %error, "a gateway was not told");
            }
        }
    }
    // Before the row goes, which is what names the token.
    if let Some(device) = ports.device(&id).await?
        && let Some(token) = &device.vendor
    {
        release(ports, &device, token).await?;
    }
    ports.delete_device(&id).await
}
