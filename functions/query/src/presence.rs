//! Who is online: a device is when a gateway whose lease is valid holds its link.

use homing_contract::http::v1::{DevicePresence, UserPresence};
use homing_domain::limits::USER_MAX_DEVICES;
use homing_domain::{AppId, DeviceId, Lease, UnixMillis, UserId};
use homing_ports::{Devices, Mailboxes, Result};

/// One device of an app. A device of another app is not found.
///
/// # Errors
/// A port call failed.
pub async fn presence_of_device<P: Mailboxes>(
    ports: &P,
    app: &AppId,
    id: DeviceId,
    leases: &[Lease],
    now: UnixMillis,
) -> Result<DevicePresence> {
    let mailbox = ports.mailbox(id).await?.filter(|mailbox| mailbox.app == *app && !mailbox.revoked);
    let found = mailbox.is_some();
    let holder = mailbox
        .and_then(|mailbox| mailbox.route)
        .map(|route| route.gateway)
        .filter(|gateway| leases.iter().any(|lease| lease.gateway == *gateway && lease.is_valid(now)));
    Ok(DevicePresence {
        device_id: id.to_string(),
        found,
        online: holder.is_some(),
        server_id: holder.map(|gateway| gateway.server_id.to_string()),
    })
}

/// A user of an app, with the devices that a push to the user would reach.
///
/// # Errors
/// A port call failed.
pub async fn presence_of_user<P: Devices + Mailboxes>(
    ports: &P,
    app: &AppId,
    user: &UserId,
    leases: &[Lease],
    now: UnixMillis,
) -> Result<UserPresence> {
    let mut devices = Vec::new();
    for id in ports.devices_of_user(app, user, USER_MAX_DEVICES).await? {
        devices.push(presence_of_device(ports, app, id, leases, now).await?);
    }
    let online = devices.iter().any(|device| device.online);
    Ok(UserPresence { user_id: user.to_string(), online, devices })
}
