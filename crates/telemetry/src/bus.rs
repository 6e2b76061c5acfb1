//! What business systems would be told, where there is no bus.

use homing_domain::BusEvent;
use metrics::counter;
use tracing::{info, warn};

use crate::metric;

/// An event of the bus became a line of the log.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What happened.
    pub event: &'a BusEvent,
}

impl Told<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        let (name, app) = match self.event {
            BusEvent::MessageCompleted { app, message, balance, .. } => {
                info!(%app, %message, ?balance, "told: message completed");
                ("message_completed", app.as_str())
            }
            BusEvent::DeviceOnline(presence) => {
                let (app, device, conn_seq) = (&presence.app, presence.device, presence.conn_seq);
                info!(%app, %device, conn_seq, gateway = %presence.gateway, "told: device online");
                ("device_online", app.as_str())
            }
            BusEvent::DeviceOffline(presence) => {
                let (app, device, conn_seq) = (&presence.app, presence.device, presence.conn_seq);
                info!(%app, %device, conn_seq, gateway = %presence.gateway, "told: device offline");
                ("device_offline", app.as_str())
            }
            BusEvent::Alert { app, name, detail, .. } => {
                let app = app.as_ref().map_or("", |app| app.as_str());
                warn!(app, name, detail, "told: alert");
                ("alert", app)
            }
        };
        counter!(metric::EVENTS_TOLD, "event" => name, "app" => app.to_owned()).increment(1);
    }
}
