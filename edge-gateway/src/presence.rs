//! Who comes and goes, for the apps that asked to be told.
//!
//! An event is a hint to business systems and never holds a link up: it waits in a bounded queue, is published in batches,
//! tried again for a while, and dropped and counted beyond that. Each carries the connection number, by which a receiver
//! tells an old "offline" from a newer "online". A gateway that dies says nothing of the devices it had: those that come
//! back elsewhere are told online again, with a larger number.

use std::sync::Arc;
use std::time::Duration;

use homing_domain::{AppId, BusEvent, ConnSeq, DeviceId, GatewayRef, Presence, UnixMillis};
use homing_ports::Events;
use homing_telemetry::PresenceDropped;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Events that wait, some 100 bytes each: what comes in 8 s of as many handshakes as a core can make.
const WAITING_MAX: usize = 16_384;
/// Events of one publish: ten requests of the ten entries that EventBridge takes.
const BATCH_MAX: usize = 100;
/// A publish that failed is tried again after this, doubled each time.
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// How often one batch is tried: for some 25 s, after which news of who is online is old.
const ATTEMPTS: u32 = 8;
/// One try may take this long.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(10);

/// Where links say that they came or went.
#[derive(Clone, Debug)]
pub(crate) struct PresenceEvents {
    waiting: mpsc::Sender<BusEvent>,
    gateway: GatewayRef,
}

impl PresenceEvents {
    /// A device has a link.
    pub(crate) fn online(&self, app: &AppId, device: DeviceId, conn_seq: ConnSeq, at: UnixMillis) {
        self.put(BusEvent::DeviceOnline(self.presence(app, device, conn_seq, at)));
    }

    /// A device has been given up.
    pub(crate) fn offline(&self, app: &AppId, device: DeviceId, conn_seq: ConnSeq, at: UnixMillis) {
        self.put(BusEvent::DeviceOffline(self.presence(app, device, conn_seq, at)));
    }

    fn presence(&self, app: &AppId, device: DeviceId, conn_seq: ConnSeq, at: UnixMillis) -> Presence {
        Presence { app: app.clone(), device, conn_seq, gateway: self.gateway, at }
    }

    fn put(&self, event: BusEvent) {
        if self.waiting.try_send(event).is_err() {
            PresenceDropped { gateway: self.gateway, events: 1, reason: "full" }.emit();
        }
    }
}

/// The queue and the task that empties it, which ends when every [`PresenceEvents`] is gone. Once `closing` is cancelled,
/// nothing is tried twice.
pub(crate) fn presence<P: Events>(
    ports: Arc<P>,
    gateway: GatewayRef,
    closing: CancellationToken,
) -> (PresenceEvents, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (PresenceEvents { waiting: sender, gateway }, run(ports, gateway, closing, receiver))
}

async fn run<P: Events>(
    ports: Arc<P>,
    gateway: GatewayRef,
    closing: CancellationToken,
    mut waiting: mpsc::Receiver<BusEvent>,
) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let events = std::mem::take(&mut batch);
        let count = events.len();
        if !publish(&*ports, &closing, events).await {
            PresenceDropped { gateway, events: count, reason: "refused" }.emit();
        }
    }
}

async fn publish<P: Events>(ports: &P, closing: &CancellationToken, events: Vec<BusEvent>) -> bool {
    let mut pause = RETRY_FIRST;
    for attempt in 1..=ATTEMPTS {
        match tokio::time::timeout(ATTEMPT_WITHIN, ports.publish(events.clone())).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => warn!(attempt, %error, "presence events wait for the bus"),
            Err(_) => warn!(attempt, "the bus takes too long to take presence events"),
        }
        if closing.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return false;
        }
        pause *= 2;
    }
    false
}
