//! Takes messages in: checks a push, makes it durable, queues its job or sets its timer, and only then says so.
//!
//! The order is the promise. The message row comes first, then the job in the audience queue (or, for a message with a
//! time, its timer), then the answer, so an accepted message survives any crash: between row and job, the sweep of overdue
//! messages finds it. With an Idempotency-Key the message's id derives from app and key, so the row itself is the memory of
//! the key.
//!
//! Until its release a sender may change a message or cancel it, in the same order.
//!
//! A push comes by HTTP ([`router`]) or by the queue that business systems write to ([`consume`]), and is treated alike.
//!
//! Any Web Push library may send to a device's subscription, too: here is its push service.
//!
//! **Must not know**: what becomes of a message later, any adapter, the sockets.

mod accept;
mod amend;
mod control;
mod http;
mod lists;
mod push;
mod queue;
mod upload;
mod web_push;

#[cfg(test)]
mod tests;

pub use accept::{AcceptError, Acceptance, accept};
pub use amend::amend;
pub use control::{ControlError, change, recall};
pub use http::router;
pub use queue::{Ports, attribute, consume};
