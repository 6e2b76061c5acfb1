//! What the fuzz targets check, as plain functions of bytes: no input may panic, and what is read must be written back
//! to the same.
//!
//! **Must not know**: how inputs are made.

mod contract;
mod expression;
mod link_client;
mod link_server;
mod script;
mod wire;

pub use contract::{contract_message, queue_envelopes};
pub use expression::expression;
pub use link_client::link_client;
pub use link_server::link_server;
pub use wire::wire_frames;
