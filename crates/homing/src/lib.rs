//! The single binary: the server with everything in one process, the command line, and the load generator.
//!
//! Here adapters are chosen and wired; no decision about a message is made here. `serve` hosts the routers of the
//! functions, one worker per queue and the gateway over one embedded store.
//!
//! **Must not know**: how a stage decides, any SDK of a cloud.

pub mod adapters;
pub mod arguments;
pub mod bench;
pub mod client;
pub mod command;
pub mod config;
pub mod link;
pub mod process;
pub mod serve;
pub mod simulate;
mod tls;

pub use tls::tls_provider;
