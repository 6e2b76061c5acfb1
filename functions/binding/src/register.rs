//! A device comes.

use homing_credentials::{DeviceKeys, derive_id};
use homing_directory::own_token;
use homing_domain::mailbox::Mailbox;
use homing_domain::{AppId, Device, DeviceId, DeviceProfile, Preferences, UnixMillis, VendorToken};
use homing_ports::{Created, Devices, Entropy, Error, Mailboxes, VendorTokens};
use uuid::Builder;

use crate::report::in_port;

/// Generation of a new device's secret.
const FIRST_GENERATION: u32 = 1;

/// A device that registers.
#[derive(Clone, Debug)]
pub struct Registration<'a> {
    /// Whose app.
    pub app: &'a AppId,
    /// What it says of itself.
    pub profile: DeviceProfile,
    /// Its address at its vendor.
    pub vendor: Option<VendorToken>,
    /// Its Idempotency-Key: the same key is the same device.
    pub idempotency_key: Option<&'a str>,
}

/// A device is not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The device of this Idempotency-Key was deregistered since.
    #[error("the device of this Idempotency-Key was deregistered")]
    Deregistered,
    /// It may or may not be registered.
    #[error(transparent)]
    Port(#[from] Error),
}

/// Registers a device, the mailbox first: a device in the directory without a mailbox would fail every message to it, a
/// mailbox without a device is only idle. Last its vendor's token becomes its own: a device that had it before is the same app
/// before it was installed anew.
///
/// # Errors
/// [`RegisterError`]
pub async fn register<P: Devices + Mailboxes + VendorTokens>(
    ports: &P,
    keys: &DeviceKeys,
    entropy: &dyn Entropy,
    now: UnixMillis,
    registration: Registration<'_>,
) -> Result<Device, RegisterError> {
    let Registration { app, profile, vendor, idempotency_key } = registration;
    let id = match idempotency_key {
        Some(key) => DeviceId::from_bytes(derive_id("homing/1 device", &[app.as_str().as_bytes(), key.as_bytes()])),
        None => DeviceId::from(Builder::from_random_bytes(entropy.random_16()).into_uuid()),
    };
    // Any number that no earlier life of this mailbox had would do.
    let mut epoch = now.0.max(1);
    let has_vendor = vendor.is_some();
    let mailbox = Mailbox { has_vendor, ..Mailbox::new(app.clone(), epoch, FIRST_GENERATION, None) };
    if ports.create_mailbox(id, mailbox).await? == Created::Exists {
        let mailbox = ports.mailbox(id).await?;
        let mailbox = mailbox.filter(|mailbox| !mailbox.revoked).ok_or(RegisterError::Deregistered)?;
        epoch = mailbox.epoch;
        if mailbox.has_vendor != has_vendor && ports.device(&id).await?.is_none() {
            // The first try died before the row, and the device has another address by now.
            ports.set_vendor(id, has_vendor).await?;
        }
    }
    let mut device = Device {
        id,
        app: app.clone(),
        profile,
        vendor,
        user: None,
        tags: Vec::new(),
        epoch,
        key_id: keys.current(),
        credential_generation: FIRST_GENERATION,
        created_at: now,
        updated_at: now,
        revision: 1,
        lanes: Vec::new(),
        user_since: None,
        preferences: Preferences::default(),
        seen_at: now,
    };
    device.note_lane(now);
    let device = match ports.create_device(device.clone()).await? {
        Created::New => device,
        Created::Exists => ports.device(&id).await?.ok_or(RegisterError::Deregistered)?,
    };
    own_token(ports, &device, now).await.map_err(in_port)?;
    Ok(device)
}
