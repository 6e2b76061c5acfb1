//! Devices, and business systems that act for one.

use axum::extract::{FromRequestParts, Path};
use homing_credentials::{DeviceSecret, KeyKind};
use homing_domain::{Device, DeviceId};
use homing_ports::{Apps, Devices};
use http::request::Parts;

use super::{invalid, required_bearer};
use crate::edge::Edge;
use crate::problem::Problem;
use crate::quota::Lane;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The device itself, by its secret.
    Device,
    /// A server of its app.
    Business,
}

/// The device that the path's one parameter names, and a caller that may act on it: itself, or a server of its app.
#[derive(Clone, Debug)]
pub struct DeviceCaller {
    /// The device.
    pub device: Device,
    /// Who acts.
    pub by: Caller,
}

impl<P: Apps + Devices + 'static> FromRequestParts<Edge<P>> for DeviceCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge<P>) -> Result<Self, Problem> {
        let refuse = || Problem::bad_request("invalid_path", "the device id in the path is not a UUID");
        let Path(text) = Path::<String>::from_request_parts(parts, edge).await.map_err(|_| refuse())?;
        let id: DeviceId = text.parse().map_err(|_| refuse())?;
        let credentials = required_bearer(&parts.headers)?;
        if credentials.starts_with(KeyKind::Server.prefix()) {
            let app = edge.app_of_server_key(credentials).await?;
            edge.admit(&app, Lane::Business)?;
            let device = edge.ports().device(&id).await?.filter(|device| device.app == app.id);
            let device = device.ok_or_else(|| Problem::not_found("device"))?;
            return Ok(Self { device, by: Caller::Business });
        }
        let device = edge.device_of_secret(id, credentials).await?;
        edge.admit_device(id)?;
        // An app that was deleted takes its devices with it.
        edge.app(&device.app).await?.ok_or_else(invalid)?;
        Ok(Self { device, by: Caller::Device })
    }
}

impl<P: Devices> Edge<P> {
    /// The device that proves itself with this secret. A device that is not there is answered like a wrong secret, so
    /// that ids cannot be tried.
    pub(crate) async fn device_of_secret(&self, id: DeviceId, secret: &str) -> Result<Device, Problem> {
        let presented: DeviceSecret = secret.parse().map_err(|_| invalid())?;
        let device = self.ports().device(&id).await?.ok_or_else(invalid)?;
        let expected = self.keys().device_secret(device.key_id, &device.app, id, device.credential_generation);
        if expected.is_some_and(|expected| expected == presented) { Ok(device) } else { Err(invalid()) }
    }
}
