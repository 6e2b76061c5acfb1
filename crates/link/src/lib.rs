//! Both ends of a device link, as machines without input or output.
//!
//! Bytes and events go in with the present time, effects come out; whoever drives a machine performs them and feeds the
//! answers back. So one and the same logic runs in the gateway over QUIC and TLS, in the device SDK, and in the
//! simulation over a store that fails at every step. The design of the protocol is the device-link document.
//!
//! * [`server`]: `Greeting` → `Joining` → `Live` → `Leaving`, the gateway's end.
//! * [`client`]: the device's end.
//!
//! **Must not know**: tokio, quinn, sockets, ports, a clock, a source of randomness. The present and random numbers are
//! arguments.

pub mod client;
pub mod limits;
pub mod server;
mod transport;

pub use transport::Transport;
