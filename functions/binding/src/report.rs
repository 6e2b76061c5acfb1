//! A device reports what changed.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use homing_directory::{UpdateError, own_token, update_device};
use homing_domain::{Device, DeviceId, UnixMillis, VendorToken};
use homing_ports::{Devices, Error, Fault, Mailboxes, VendorTokens};

/// Changes a device's row as it reports, then the index of vendors' tokens behind it: a token that it has is its own from now on,
/// whoever had it before, and one that it has no more is nobody's.
///
/// # Errors
/// [`UpdateError`]; repeating the report repairs whatever was half done.
pub async fn report_device<P: Devices + Mailboxes + VendorTokens, E>(
    ports: &P,
    id: DeviceId,
    now: UnixMillis,
    change: impl Fn(&mut Device) -> Result<(), E> + Send + Sync,
) -> Result<Device, UpdateError<E>> {
    let before = Mutex::new(None);
    let device = update_device(ports, id, now, |device: &mut Device| {
        before.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&device.vendor);
        change(device)
    })
    .await?;
    let before = before.into_inner().unwrap_or_else(PoisonError::into_inner);
    settle_tokens(ports, before.as_ref(), &device, now).await?;
    Ok(device)
}

/// Makes the index agree with a row that was written just now. A report that changes nothing comes here too, because the one
/// before may have died in between.
async fn settle_tokens<P: Devices + Mailboxes + VendorTokens>(
    ports: &P,
    before: Option<&VendorToken>,
    device: &Device,
    now: UnixMillis,
) -> Result<(), Error> {
    let names = |token: &VendorToken| (token.channel.clone(), token.token.clone());
    if let Some(before) = before.filter(|before| device.vendor.as_ref().map(names) != Some(names(before))) {
        release(ports, device, before).await?;
    }
    own_token(ports, device, now).await.map_err(in_port)
}

/// Lets a device's token go.
pub(crate) async fn release<P: VendorTokens>(ports: &P, device: &Device, token: &VendorToken) -> Result<(), Error> {
    match token.channel.parse() {
        Ok(channel) => ports.release_token(&device.app, channel, &token.token, device.id).await,
        Err(()) => Ok(()),
    }
}

/// Whose token it is could not be settled: with the next report it is.
pub(crate) fn in_port(error: UpdateError<Infallible>) -> Error {
    match error {
        UpdateError::Port(error) => error,
        UpdateError::Gone | UpdateError::Busy => Error::new(Fault::Retry, "settle whose a vendor's token is"),
        UpdateError::Refused(never) => match never {},
    }
}
