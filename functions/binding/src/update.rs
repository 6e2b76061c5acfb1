//! Changes a device's row against concurrent changes.

use homing_domain::{Device, DeviceId, UnixMillis};
use homing_ports::{Devices, Error, Replaced};

/// Tries before a change gives up: each loses only to another change that succeeded, and devices rarely change at all.
pub(crate) const TRIES_MAX: usize = 8;

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

/// Reads a device, changes it, and replaces it; begins again when another change came in between.
///
/// # Errors
/// [`UpdateError`]
pub async fn update_device<P: Devices, E>(
    ports: &P,
    id: DeviceId,
    now: UnixMillis,
    change: impl Fn(&mut Device) -> Result<(), E> + Send,
) -> Result<Device, UpdateError<E>> {
    for _ in 0..TRIES_MAX {
        let mut device = ports.device(&id).await?.ok_or(UpdateError::Gone)?;
        let before = device.clone();
        change(&mut device).map_err(UpdateError::Refused)?;
        if device == before || replace(ports, &mut device, now).await? {
            return Ok(device);
        }
    }
    Err(UpdateError::Busy)
}

/// Replaces a device's row by its next revision; `false` = another change came in between.
pub(crate) async fn replace<P: Devices>(ports: &P, device: &mut Device, now: UnixMillis) -> Result<bool, Error> {
    device.updated_at = now;
    device.revision += 1;
    Ok(ports.replace_device(device.clone()).await? == Replaced::Done)
}
