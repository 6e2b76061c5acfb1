//! Heartbeat learning against simulated NATs, on a clock of its own.

mod gateway;
mod learning;
mod network;
mod world;
