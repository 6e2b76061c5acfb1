//! What the fuzz targets check, as plain functions of bytes: no input may panic, and what is read must be written back
//! to the same.
//!
//! **Must not know**: how inputs are made.

mod contract;
mod expression;
mod link_client;
mod link_server;
mod script;
mod vendor_answer;
mod vendor_app;
mod vendor_callback;
mod vendor_credential;
mod web_push;
mod wire;

pub use contract::{contract_message, queue_envelopes};
pub use expression::expression;
pub use link_client::link_client;
pub use link_server::link_server;
pub use vendor_answer::vendor_answer;
pub use vendor_callback::vendor_callback;
pub use vendor_credential::vendor_credential;
pub use web_push::web_push_decrypt;
pub use wire::wire_frames;
