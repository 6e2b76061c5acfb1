//! Takes messages in: checks a push, makes it durable, queues its job, and only then answers 202.
//!
//! The order is the promise. The message row comes first, then the job in the audience queue, then the answer, so an
//! accepted message survives any crash: between row and job, [`sweep`] finds it. With an Idempotency-Key the message's id
//! derives from app and key, so the row itself is the memory of the key.
//!
//! **Must not know**: what becomes of a message later, any adapter, the sockets.

mod accept;
mod http;
mod sweep;

pub use accept::{AcceptError, Acceptance, accept};
pub use http::router;
pub use sweep::sweep;
