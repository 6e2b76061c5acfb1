//! Who uses a device.

use std::convert::Infallible;

use homing_domain::{Device, DeviceId, Notice, Reason, UnixMillis, UserId};
use homing_ports::{Devices, Mailboxes, Notices, Queues};

use crate::receipts::report_undelivered;
use homing_directory::{TRIES_MAX, UpdateError, replace};

/// Binds a device to a user, or to none.
///
/// The directory's revision is read before the mailbox changes and checked after it, so of two binds at once the one that
/// loses in the directory goes to the mailbox again, and both items agree in the end. From the mailbox's change on nothing
/// addressed to another user is taken in; what was already sent on a link cannot be called back.
///
/// # Errors
/// [`UpdateError`]; repeating the call repairs whatever was half done.
pub async fn bind_user<P>(
    ports: &P,
    id: DeviceId,
    user: Option<&UserId>,
    now: UnixMillis,
) -> Result<Device, UpdateError<Infallible>>
where
    P: Devices + Mailboxes + Notices + Queues,
{
    for _ in 0..TRIES_MAX {
        let mut device = ports.device(&id).await?.ok_or(UpdateError::Gone)?;
        let rebound = ports.bind(id, user.map(UserId::hash)).await?.ok_or(UpdateError::Gone)?;
        report_undelivered(ports, id, &rebound.unseen, Reason::Unbound, now).await?;
        if let Some(route) = rebound.route {
            // The gateway may hold messages of the old user: without this hint it would only find out at its next re-read.
            let notice = Notice::Reread { device: id, conn_seq: route.conn_seq };
            ports.notify(route.gateway, vec![notice]).await?;
        }
        if device.user.as_ref() != user {
            device.user = user.cloned();
            device.user_since = user.is_some().then_some(now);
        }
        // Replaced even when it says so already: the revision is what another bind under way must trip over.
        if replace(ports, &mut device, now).await? {
            return Ok(device);
        }
    }
    Err(UpdateError::Busy)
}
