//! Receipts: what became of deliveries, taken into the ledger once, however often it is told.
//!
//! * [`record`]: batches of [`QueueName::Receipts`](homing_ports::QueueName) become delivery rows and numbers.
//!   The delivery that ends last completes its message, of which the business is told if it asked.
//! * [`close`]: jobs of [`QueueName::Close`](homing_ports::QueueName) end what is still pending long after its message
//!   expired.
//!
//! **Must not know**: mailboxes, gateways, audiences, payloads.

pub mod close;
mod completion;
pub mod http;
pub mod record;

#[cfg(test)]
mod tests;

pub use close::CloseMessages;
pub use completion::CompletionPorts;
pub use http::router;
pub use record::RecordReceipts;
