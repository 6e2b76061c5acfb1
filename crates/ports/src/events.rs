//! The event bus.

use std::future::Future;

use homing_domain::BusEvent;

use crate::Result;

/// Tells business systems what happened, as far as they asked for it.
pub trait Events: Send + Sync {
    /// Publishes events; durable on the bus when answered. They may be published twice when the answer is lost.
    fn publish(&self, events: Vec<BusEvent>) -> impl Future<Output = Result<()>> + Send;
}
