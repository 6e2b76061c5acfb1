//! From what registration answers to what the device SDK takes.

use std::path::Path;

use anyhow::{Context as _, Result};
use homing_contract::http::v1::RegisteredDevice;
use homing_device_sdk::{Identity, Preference, Transport, Trust};

use crate::arguments::TransportChoice;

/// Who a registered device is.
///
/// # Errors
/// The answer is not one of this version.
pub fn identity(registered: &RegisteredDevice) -> Result<Identity> {
    Ok(Identity {
        app: registered.app_id.parse().context("app_id")?,
        device: registered.device_id.parse().context("device_id")?,
        secret: registered.device_secret.parse().context("device_secret")?,
        key_id: registered.key_id,
        credential_generation: registered.credential_generation,
        epoch: registered.epoch,
    })
}

/// Which transports are tried.
#[must_use]
pub const fn preference(choice: TransportChoice) -> Preference {
    match choice {
        TransportChoice::Auto => Preference::Both,
        TransportChoice::Quic => Preference::Only(Transport::Quic),
        TransportChoice::Tcp => Preference::Only(Transport::Tcp),
    }
}

/// Trust in the certificates of a PEM file, or in the system's.
///
/// # Errors
/// The file cannot be read.
pub fn trust(certificate: Option<&Path>) -> Result<Trust> {
    let Some(path) = certificate else { return Ok(Trust::Platform) };
    let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
    Trust::only_pem(&pem).with_context(|| path.display().to_string())
}
