//! One machine has no bus: what happened becomes a line of the log and a count, and nobody else hears of it.

use homing_domain::BusEvent;
use homing_ports::{Events, Result};
use homing_telemetry::Told;

use crate::EmbeddedStore;

impl Events for EmbeddedStore {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<()> {
        events.iter().for_each(|event| Told { event }.emit());
        Ok(())
    }
}
