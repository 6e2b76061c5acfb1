//! The shapes that others see: the JSON of the public API, of the queues and of the event bus, each versioned.
//!
//! Conversion is validation: a shape becomes a noun of the domain that cannot be wrong, or an error that says where it
//! is wrong.
//!
//! **Must not know**: ports, stores, AWS, async runtimes.

pub mod bus;
pub mod http;
pub mod queue;
