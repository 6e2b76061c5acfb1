//! A gateway on real sockets, over ports in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stdout, reason = "figures beside the asserts")]

mod bystander;
mod delivery;
mod fencing;
mod fleet;
mod flood;
mod hostile;
mod ports;
mod raw;
mod strangers;
mod world;
