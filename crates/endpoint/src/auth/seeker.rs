//! Whoever looks for a gateway.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use homing_credentials::KeyKind;
use homing_domain::App;
use homing_ports::{Apps, Devices};
use http::request::Parts;
use serde::Deserialize;

use super::{invalid, required_bearer};
use crate::edge::Edge;
use crate::problem::Problem;
use crate::quota::Lane;

/// The caller belongs to this app: one of its devices (named by `?device=`, with its secret), an installation that holds
/// the client key, or a server.
#[derive(Clone, Debug)]
pub struct Seeker {
    /// The app.
    pub app: Arc<App>,
}

#[derive(Deserialize)]
struct Named {
    device: Option<String>,
}

impl<P: Apps + Devices + 'static> FromRequestParts<Edge<P>> for Seeker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge<P>) -> Result<Self, Problem> {
        let credentials = required_bearer(&parts.headers)?.to_owned();
        if credentials.starts_with(KeyKind::Server.prefix()) {
            let app = edge.app_of_server_key(&credentials).await?;
            edge.admit(&app, Lane::Business)?;
            return Ok(Self { app });
        }
        if credentials.starts_with(KeyKind::Client.prefix()) {
            let app = edge.app_of_client_key(&credentials).await?;
            edge.admit(&app, Lane::Registration)?;
            return Ok(Self { app });
        }
        let named = Query::<Named>::from_request_parts(parts, edge).await.ok().and_then(|Query(named)| named.device);
        let id = named.ok_or_else(|| Problem::bad_request("invalid_query", "name the device as ?device="))?;
        let id = id.parse().map_err(|_| Problem::bad_request("invalid_query", "the device id is not a UUID"))?;
        let device = edge.device_of_secret(id, &credentials).await?;
        edge.admit_device(id)?;
        let app = edge.app(&device.app).await?.ok_or_else(invalid)?;
        Ok(Self { app })
    }
}
