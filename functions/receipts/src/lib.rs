//! Receipts: what became of deliveries, taken into the ledger once, however often it is told.
//!
//! * [`record`]: batches of [`QueueName::Receipts`](homing_ports::QueueName) become delivery rows and numbers.
//!   The delivery that ends last completes its message, of which the business is told if it asked. What a person opened or
//!   dismissed is taken back from their other devices, if its sender wants that ([`read_sync`]). What gateways counted of
//!   broadcasts that came by a feed becomes numbers only.
//! * [`close`]: jobs of [`QueueName::Close`](homing_ports::QueueName) end what is still pending long after its message
//!   expired.
//!
//! Vendors tell what became of their messages over HTTP ([`callback`]): what counts of it becomes such batches.
//!
//! **Must not know**: mailboxes, gateways, how audiences are enumerated, payloads.

mod about;
pub mod callback;
pub mod close;
mod completion;
pub mod http;
pub mod read_sync;
pub mod record;
mod statistics;

#[cfg(test)]
mod tests;

pub use callback::CallbackPorts;
pub use close::CloseMessages;
pub use completion::CompletionPorts;
pub use http::router;
pub use read_sync::ReadSyncPorts;
pub use record::{RecordPorts, RecordReceipts};
