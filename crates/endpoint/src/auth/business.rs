//! Business systems.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use homing_domain::App;
use homing_ports::Apps;
use http::request::Parts;

use super::required_bearer;
use crate::edge::Edge;
use crate::problem::Problem;
use crate::quota::Lane;

/// The caller holds a valid server key of this app, and the app is within its quota.
#[derive(Clone, Debug)]
pub struct Business {
    /// The app.
    pub app: Arc<App>,
}

impl<P: Apps + 'static> FromRequestParts<Edge<P>> for Business {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge<P>) -> Result<Self, Problem> {
        let app = edge.app_of_server_key(required_bearer(&parts.headers)?).await?;
        edge.admit(&app, Lane::Business)?;
        Ok(Self { app })
    }
}
