//! The event bus: what was published stays, for the checks.

use homing_domain::BusEvent;
use homing_ports::{Events, Result};

use super::Weak;

impl Events for Weak {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<()> {
        self.call("publish events", move |state| {
            for event in &events {
                if let BusEvent::MessageCompleted { message, .. } = event {
                    state.coverage.hit("event", "message completed");
                    state.trace(|| format!("  told: {message} is complete"));
                }
            }
            state.told.extend(events);
            Ok(())
        })
        .await
    }
}
