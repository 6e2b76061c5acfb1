//! A gateway on real sockets, over ports in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stdout, reason = "figures beside the asserts")]

mod admin;
mod bystander;
mod delivery;
mod feeds;
mod fencing;
mod fleet;
mod flood;
mod hostile;
mod mobile;
mod moving;
mod ports;
mod presence;
mod raw;
mod recalls;
mod resumption;
mod seen;
mod strangers;
mod world;
