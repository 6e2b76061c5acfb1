//! Changes a device's row against concurrent changes.

use homing_domain::{Device, DeviceId, UnixMillis};
use homing_ports::{Devices, Error, Mailboxes, Replaced};

/// Tries before a change gives up: each loses only to another change that succeeded, and devices rarely change at all.
pub const TRIES_MAX: usize = 8;

/// A device is not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError<E> {
    /// There is no such device (any more).
    #[error("there is no such device")]
    Gone,
    /// Others change it again and again.
    #[error("others change this device at the same time")]
    Busy,
    /// The change itself was refused.
    #[error("the change was refused")]
    Refused(E),
    /// A port call failed.
    #[error(transparent)]
    Port(#[from] Error),
}

/// Reads a device, changes it, and replaces it; begins again when another change came in between. Its mailbox is told first
/// whether it has a vendor now.
///
/// # Errors
/// [`UpdateError`]; repeating the call repairs whatever was half done.
pub async fn update_device<P: Devices + Mailboxes, E>(
    ports: &P,
    id: DeviceId,
    now: UnixMillis,
    change: impl Fn(&mut Device) -> Result<(), E> + Send,
) -> Result<Device, UpdateError<E>> {
    for _ in 0..TRIES_MAX {
        let mut device = ports.device(&id).await?.ok_or(UpdateError::Gone)?;
        let before = device.clone();
        change(&mut device).map_err(UpdateError::Refused)?;
        let is_same = agree_on_vendor(ports, &before, &device).await? && device == before;
        // Replaced even for the mailbox alone: the revision is what another change under way must trip over.
        if is_same || replace(ports, &mut device, now).await? {
            return Ok(device);
        }
    }
    Err(UpdateError::Busy)
}

/// Tells the mailbox whether the device will have a vendor; returns whether it said so already.
///
/// While the two disagree, either a vendor is asked for nothing, or a message waits for the device to come. So a device that
/// keeps its vendor is looked at too: a change may have died half-way, and mailboxes are older than what they say of vendors.
async fn agree_on_vendor<P: Mailboxes>(ports: &P, before: &Device, after: &Device) -> Result<bool, Error> {
    let (had, has) = (before.vendor.is_some(), after.vendor.is_some());
    let is_agreed = match (had, has) {
        (false, false) => true,
        (true, true) => ports.mailbox(after.id).await?.is_none_or(|mailbox| mailbox.has_vendor),
        _ => false,
    };
    if !is_agreed {
        ports.set_vendor(after.id, has).await?;
    }
    Ok(is_agreed)
}

/// Replaces a device's row by its next revision; `false` = another change came in between.
///
/// # Errors
/// The port call failed.
pub async fn replace<P: Devices>(ports: &P, device: &mut Device, now: UnixMillis) -> Result<bool, Error> {
    device.note_lane(now);
    device.updated_at = now;
    device.revision += 1;
    Ok(ports.replace_device(device.clone()).await? == Replaced::Done)
}
