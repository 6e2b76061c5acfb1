//! What the fuzz targets check, as plain functions of bytes: no input may panic, and what is read must be written back
//! to the same.
//!
//! **Must not know**: how inputs are made.

mod contract;
mod wire;

pub use contract::{contract_message, queue_envelopes};
pub use wire::wire_frames;
