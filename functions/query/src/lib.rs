//! Answers questions: what became of a message, who is online, where to connect, what devices said.
//!
//! Everything here reads; nothing changes.
//!
//! **Must not know**: other functions, how anything gets where it is read, any adapter.

mod cursor;
mod http;
mod presence;
mod trace;

pub use http::router;
pub use presence::{presence_of_device, presence_of_user};
pub use trace::{Subject, trace};
