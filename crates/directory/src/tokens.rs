//! Whose a vendor's token is, and forgetting dead ones.

use std::convert::Infallible;

use homing_domain::{AppId, Channel, Device, DeviceId, UnixMillis, VendorToken};
use homing_ports::{Devices, Mailboxes, VendorTokens};

use crate::update::{TRIES_MAX, UpdateError, update_device};

#[cfg(test)]
mod tests;

/// What became of a dead token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// The device has no token any more.
    Done,
    /// The device has another one by now, or has reported this one again since, or is gone.
    Kept,
}

/// Makes a device the owner of its token: whoever had it before loses it, because a vendor's token names one app on one
/// device, and an app that was installed anew would be pushed to twice. To be called after the device's row was changed.
///
/// # Errors
/// A port call failed; repeating repairs whatever was half done.
pub async fn own_token<P: Devices + Mailboxes + VendorTokens>(
    ports: &P,
    device: &Device,
    now: UnixMillis,
) -> Result<(), UpdateError<Infallible>> {
    let Some(token) = device.vendor.as_ref() else { return Ok(()) };
    let Ok(channel) = token.channel.parse() else { return Ok(()) };
    let before = ports.claim_token(&device.app, channel, &token.token, device.id).await?;
    let Some(before) = before else { return Ok(()) };
    settle(ports, &device.app, channel, token, [device.id, before], now).await
}

/// Makes the rows of two devices say what the index says. Both may report the token at the same time, and each may have read the
/// index before the other claimed: so whoever finds that it changed since begins again, and the last to write has read the last
/// claim.
async fn settle<P: Devices + Mailboxes + VendorTokens>(
    ports: &P,
    app: &AppId,
    channel: Channel,
    token: &VendorToken,
    devices: [DeviceId; 2],
    now: UnixMillis,
) -> Result<(), UpdateError<Infallible>> {
    let mut owner = ports.token_owner(app, channel, &token.token).await?;
    for _ in 0..TRIES_MAX {
        let Some(is_owner) = owner.filter(|owner| devices.contains(owner)) else { return Ok(()) };
        for device in devices {
            if device == is_owner {
                keep_token(ports, device, token, now).await?;
            } else if drop_token(ports, device, token, UnixMillis::NEVER, now).await? == Forgotten::Done {
                tracing::info!(from = %device, to = %is_owner, %channel, "a vendor's token moved to another device");
            }
        }
        let by_now = ports.token_owner(app, channel, &token.token).await?;
        if by_now == owner {
            return Ok(());
        }
        owner = by_now;
    }
    Err(UpdateError::Busy)
}

/// Gives a device back what was taken from it, if it was, unless it reported something else meanwhile.
async fn keep_token<P: Devices + Mailboxes>(
    ports: &P,
    device: DeviceId,
    token: &VendorToken,
    now: UnixMillis,
) -> Result<(), UpdateError<Infallible>> {
    let kept = update_device(ports, device, now, |device| {
        device.vendor.get_or_insert_with(|| VendorToken { since: now, ..token.clone() });
        Ok(())
    });
    match kept.await {
        Ok(_) | Err(UpdateError::Gone) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Forgets a token that the vendor says was dead at `as_of`, unless the device reported it later.
///
/// # Errors
/// A port call failed; repeating repairs whatever was half done.
pub async fn forget_token<P: Devices + Mailboxes + VendorTokens>(
    ports: &P,
    app: &AppId,
    device: DeviceId,
    token: &VendorToken,
    as_of: UnixMillis,
    now: UnixMillis,
) -> Result<Forgotten, UpdateError<Infallible>> {
    let forgotten = drop_token(ports, device, token, as_of, now).await?;
    if forgotten == Forgotten::Done
        && let Ok(channel) = token.channel.parse()
    {
        ports.release_token(app, channel, &token.token, device).await?;
    }
    Ok(forgotten)
}

async fn drop_token<P: Devices + Mailboxes>(
    ports: &P,
    device: DeviceId,
    token: &VendorToken,
    as_of: UnixMillis,
    now: UnixMillis,
) -> Result<Forgotten, UpdateError<Infallible>> {
    let is_dead = |device: &Device| {
        device.vendor.as_ref().is_some_and(|current| {
            (&current.channel, &current.token) == (&token.channel, &token.token) && current.since <= as_of
        })
    };
    let Some(row) = ports.device(&device).await?.filter(is_dead) else { return Ok(Forgotten::Kept) };
    let changed = update_device(ports, row.id, now, |device| {
        if is_dead(device) {
            device.vendor = None;
        }
        Ok(())
    });
    match changed.await {
        Ok(device) if device.vendor.is_none() => Ok(Forgotten::Done),
        Ok(_) | Err(UpdateError::Gone) => Ok(Forgotten::Kept),
        Err(error) => Err(error),
    }
}
