//! The public HTTP API: what requests and answers look like, and what makes a request acceptable.
//!
//! Requests refuse fields they do not know; answers may grow, so readers of answers must ignore what they do not know.
//! HTTP itself (status codes, headers) is not known here.

#[macro_use]
mod object;
pub mod v1;
mod violation;

pub use violation::{Checked, Violation, Violations, pointer};
