//! The gateway: holds the links of devices over QUIC and over TLS on TCP, and brings them what their mailboxes hold.
//!
//! What happens to a message on a link is decided by the machines of `homing-link`; this crate moves bytes, performs the
//! machines' effects through ports, and guards the door. It keeps nothing of its own: kill it at any moment and the next
//! takeover of each device sets everything right.
//!
//! Memory per link is bounded: the machine's (at most a mailbox's 64 entries, whose bodies are shared between links), 64
//! hand-offs that wait for its task, 16 KiB that wait to be written, and what the transport buffers (QUIC: 32 KiB in, 64
//! KiB out; TCP: as much in the kernel, a record of 16 KiB in TLS). An idle link holds none of these. What came by the feeds
//! of apps is read once for all links: some 40 bytes per unexpired broadcast, 32 MiB of messages, and a number for each that
//! was acknowledged within the last second.
//!
//! **Must not know**: functions, stores, HTTP's public shapes; who serves its ports.

pub mod admin;
mod admission;
mod app_settings;
mod bodies;
mod config;
mod context;
mod control;
mod drain;
mod feed_counts;
mod feeds;
mod gateway;
mod handle;
mod keys;
mod lease;
mod notices;
mod outbox;
mod ports;
mod presence;
#[cfg(feature = "aws")]
pub mod process;
mod registry;
mod session;
mod tls;
mod transport;
mod undelivered;

pub use config::{AdmissionLimits, GatewayConfig};
pub use control::{Control, Stats};
pub use gateway::{Gateway, RunningGateway, StartError};
pub use ports::GatewayPorts;
pub use tls::{Certificate, CertificateError};
