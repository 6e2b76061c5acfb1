//! Error answers (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Violation;

/// Why a request was not done. Sent as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemView {
    /// Names the kind of problem: `urn:homing:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:homing:problem:out_of_range")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// Stable name, for programs.
    #[schema(example = "out_of_range")]
    pub code: String,
    /// What happened this time, for people.
    pub detail: String,
    /// JSON pointer to the (first) wrong value in the request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Everything that is wrong with the request's body, when it is the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}
