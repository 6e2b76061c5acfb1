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
        edge.business(required_bearer(&parts.headers)?).await
    }
}

impl<P: Apps> Edge<P> {
    /// Who presents this server key, by HTTP or by another way; takes one request from the app's quota.
    ///
    /// # Errors
    /// 401 or 403 when the key is none, 429 with the time to wait, 503 when the store does not answer.
    pub async fn business(&self, server_key: &str) -> Result<Business, Problem> {
        let app = self.app_of_server_key(server_key).await?;
        self.admit(&app, Lane::Business)?;
        Ok(Business { app })
    }
}
