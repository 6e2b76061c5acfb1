//! The demonstration on AWS: the deployed templates with the real Lambda programs, two gateways as processes, and the same
//! devices, publisher and checker as on one machine. AWS itself is the emulator.

mod crowd;
mod deployment;
mod gateways;
mod integrations;
mod scenario;
mod tally;

pub(crate) use crowd::drain_and_crash;
pub(crate) use scenario::demonstrate;
