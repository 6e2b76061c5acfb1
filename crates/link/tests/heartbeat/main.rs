//! Heartbeat learning against simulated NATs, on a clock of its own.

#![expect(clippy::unwrap_used, reason = "the whole binary is tests, and a test stops at the first surprise")]

mod gateway;
mod learning;
mod network;
mod world;
