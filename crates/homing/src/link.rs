//! From what registration answers to what the device SDK takes.

use std::fmt;
use std::path::Path;
use std::pin::Pin;

use anyhow::{Context as _, Result};
use homing_contract::http::v1::{RegisteredDevice, RouteView};
use homing_device_sdk::{Identity, Preference, Route, Router, Transport, Trust};

use crate::arguments::TransportChoice;
use crate::client::ApiClient;

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

/// Asks the platform where a device may connect, with the device's own secret.
#[derive(Clone)]
pub struct ApiRouter {
    api: ApiClient,
    path: String,
    secret: String,
}

impl ApiRouter {
    /// For a registered device.
    #[must_use]
    pub fn new(api: ApiClient, registered: &RegisteredDevice) -> Self {
        let path = format!("/v1/route?device={}", registered.device_id);
        Self { api, path, secret: registered.device_secret.clone() }
    }
}

impl fmt::Debug for ApiRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRouter").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Router for ApiRouter {
    fn routes(&self) -> Pin<Box<dyn Future<Output = Option<Vec<Route>>> + Send + '_>> {
        Box::pin(async {
            match self.api.get::<RouteView>(&self.path, &self.secret).await {
                Ok(view) => {
                    Some(view.gateways.into_iter().map(|gateway| Route::new(gateway.host, gateway.port)).collect())
                }
                Err(error) => {
                    tracing::debug!(%error, "nobody says where to connect");
                    None
                }
            }
        })
    }
}
