//! Events about device links.

use homing_domain::{ConnSeq, DeviceId, GatewayRef, Millis};
use metrics::{counter, gauge, histogram};
use tracing::{debug, info};

use crate::{metric, number, seconds};

/// A device's link was welcomed.
#[derive(Clone, Copy, Debug)]
pub struct LinkOpened {
    /// Which device.
    pub device: DeviceId,
    /// With which connection number.
    pub conn_seq: ConnSeq,
    /// `quic` or `tcp`.
    pub transport: &'static str,
    /// From the first byte to the welcome.
    pub took: Millis,
}

impl LinkOpened {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::LINKS_OPENED, "transport" => self.transport).increment(1);
        info!(
            device = %self.device, conn_seq = self.conn_seq, transport = self.transport, took_ms = self.took,
            "link opened"
        );
    }
}

/// A device's link ended.
#[derive(Clone, Copy, Debug)]
pub struct LinkClosed {
    /// Which device.
    pub device: DeviceId,
    /// With which connection number.
    pub conn_seq: ConnSeq,
    /// Why, from a closed list of the gateway's.
    pub reason: &'static str,
    /// How long it was open.
    pub life: Millis,
}

impl LinkClosed {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::LINKS_CLOSED, "reason" => self.reason).increment(1);
        histogram!(metric::LINK_LIFE).record(seconds(self.life));
        info!(
            device = %self.device, conn_seq = self.conn_seq, reason = self.reason, life_ms = self.life, "link closed"
        );
    }
}

/// A link was refused before it was welcomed.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeRefused {
    /// Who it said it was, if it came so far.
    pub device: Option<DeviceId>,
    /// `quic` or `tcp`.
    pub transport: &'static str,
    /// Why, from a closed list of the gateway's.
    pub reason: &'static str,
}

impl HandshakeRefused {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::HANDSHAKES_REFUSED, "transport" => self.transport, "reason" => self.reason).increment(1);
        let device = self.device.map(tracing::field::display);
        info!(device, transport = self.transport, reason = self.reason, "handshake refused");
    }
}

/// How many links a gateway holds now.
#[derive(Clone, Copy, Debug)]
pub struct LinksLive {
    /// Which gateway.
    pub gateway: GatewayRef,
    /// How many.
    pub links: usize,
}

impl LinksLive {
    /// Sets the gauge; no log line.
    pub fn emit(&self) {
        gauge!(metric::LINKS_LIVE, "gateway" => self.gateway.server_id.to_string()).set(number(self.links));
    }
}

/// Events of devices that came or went were not told to business systems.
#[derive(Clone, Copy, Debug)]
pub struct PresenceDropped {
    /// Which gateway.
    pub gateway: GatewayRef,
    /// How many.
    pub events: usize,
    /// `full` (too many wait) or `refused` (the bus did not take them in time).
    pub reason: &'static str,
}

impl PresenceDropped {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::PRESENCE_DROPPED, "reason" => self.reason).increment(self.events as u64);
        debug!(gateway = %self.gateway, events = self.events, reason = self.reason, "presence events dropped");
    }
}
