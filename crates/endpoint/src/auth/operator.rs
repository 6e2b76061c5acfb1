//! The operator.

use axum::extract::FromRequestParts;
use homing_credentials::KeyKind;
use homing_ports::Settings;
use http::request::Parts;

use super::{invalid, present, required_bearer};
use crate::edge::Edge;
use crate::problem::Problem;

/// The caller holds the operator's token.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

impl<P: Settings + 'static> FromRequestParts<Edge<P>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge<P>) -> Result<Self, Problem> {
        let key = present(required_bearer(&parts.headers)?, KeyKind::Admin)?;
        if edge.is_operator(&key.digest).await? { Ok(Self) } else { Err(invalid()) }
    }
}
