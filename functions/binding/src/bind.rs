//! Who uses a device.

use std::convert::Infallible;

use homing_domain::{Device, DeviceId, Notice, Reason, UnixMillis, UserId};
use homing_ports::{Devices, Error, Mailboxes, Notices, Queues};

use crate::receipts::report_undelivered;
use homing_directory::{TRIES_MAX, UpdateError, replace};

/// Binds a device to a user, or to none.
///
/// The directory's revision is read before the mailbox changes and checked after it, so of two binds at once the one that
/// loses in the directory goes to the mailbox again, and both items agree in the end. From the mailbox's change on nothing
/// addressed to another user is taken in; what was already sent on a link cannot be called back.
///
/// **A device changes hands by way of nobody**, in two writes, and [`user_since`](Device::user_since) is read from the clock
/// between them. Whoever reads the old user's name in the row then does so before that time, however long the second write
/// is on its way; so no message to both users, whose release began at one moment between, can find the device through each
/// of them.
///
/// # Errors
/// [`UpdateError`]; repeating the call repairs whatever was half done.
pub async fn bind_user<P>(
    ports: &P,
    id: DeviceId,
    user: Option<&UserId>,
    now: impl Fn() -> UnixMillis,
) -> Result<Device, UpdateError<Infallible>>
where
    P: Devices + Mailboxes + Notices + Queues,
{
    for _ in 0..TRIES_MAX {
        let mut device = ports.device(&id).await?.ok_or(UpdateError::Gone)?;
        let rebound = ports.bind(id, user.map(UserId::hash)).await?.ok_or(UpdateError::Gone)?;
        report_undelivered(ports, id, &rebound.unseen, Reason::Unbound, now()).await?;
        if let Some(route) = rebound.route {
            // The gateway may hold messages of the old user: without this hint it would only find out at its next re-read.
            let notice = Notice::Reread { device: id, conn_seq: route.conn_seq };
            ports.notify(route.gateway, vec![notice]).await?;
        }
        if write_user(ports, &mut device, user, &now).await? {
            return Ok(device);
        }
    }
    Err(UpdateError::Busy)
}

/// Answers whether the row was as it was read until the end.
async fn write_user<P: Devices>(
    ports: &P,
    device: &mut Device,
    user: Option<&UserId>,
    now: impl Fn() -> UnixMillis,
) -> Result<bool, Error> {
    if device.user.as_ref() != user {
        if device.user.is_some() && user.is_some() {
            (device.user, device.user_since) = (None, None);
            if !replace(ports, device, now()).await? {
                return Ok(false);
            }
        }
        device.user = user.cloned();
        device.user_since = user.is_some().then(&now);
    }
    // Replaced even when it says so already: the revision is what another bind under way must trip over.
    replace(ports, device, now()).await
}
