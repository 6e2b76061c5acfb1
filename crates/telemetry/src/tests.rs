//! Every event is emitted into a recorder that knows the registry: no metric goes by an unregistered name or kind, and
//! none of the registry is dead.

use std::collections::BTreeSet;
use std::sync::Mutex;

use homing_domain::{AppId, BusEvent, Channel, DeviceId, GatewayRef, MessageId, Reason, ServerId, ShardId, Stage};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, with_local_recorder};

use super::*;
use crate::metric::Kind;

#[derive(Default)]
struct Registered(Mutex<BTreeSet<(String, &'static str)>>);

impl Registered {
    fn note(&self, key: &Key, kind: &'static str) {
        self.0.lock().unwrap().insert((key.name().to_owned(), kind));
    }
}

impl Recorder for Registered {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.note(key, "counter");
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key, "gauge");
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key, "histogram");
        Histogram::noop()
    }
}

const MESSAGE: MessageId = MessageId::from_bytes([1; 16]);
const DEVICE: DeviceId = DeviceId::from_bytes([2; 16]);
const SHARD: ShardId = ShardId::from_bytes([3; 16]);
const GATEWAY: GatewayRef = GatewayRef { server_id: ServerId([4; 8]), incarnation: 1 };

fn emit_messages_and_deliveries() {
    let app: AppId = "demo".parse().unwrap();
    MessageAccepted { message: MESSAGE, app: &app, is_new: true, payload_bytes: 2 }.emit();
    MessageControlled { message: MESSAGE, app: &app, change: "pause" }.emit();
    AudienceExpanded { message: MESSAGE, shard: SHARD, segment: 0, devices: 3 }.emit();
    MessageReleased { message: MESSAGE, took: 5 }.emit();
    ShardDispatched { message: MESSAGE, shard: SHARD, handed_off: 1, waiting: 1, ended: 1, again: 0, since_wanted: 5 }
        .emit();
    MessageClosed { message: MESSAGE, expired: 1, is_last: true }.emit();
    MessageDue { message: MESSAGE, late: 5 }.emit();
    OverdueSwept { released: 1, held: 1, closed: 1, hanging: 1 }.emit();
    HandedOff { message: MESSAGE, gateway: GATEWAY, devices: 1, is_sent: true }.emit();
    UndeliveredSeen { message: MESSAGE, device: DEVICE, followed_by: "waiting" }.emit();
    MailboxOverflowed { device: DEVICE, message: MESSAGE, followed_by: "dropped", dropped: 32 }.emit();
    for (stage, reason) in [(Stage::Delivered, None), (Stage::Expired, Some(Reason::Closed))] {
        let channel = Channel::Own;
        DeliveryEnded { message: MESSAGE, device: DEVICE, channel, stage, reason, took: Some(4) }.emit();
    }
}

fn emit_vendors() {
    let (app, channel): (AppId, _) = ("demo".parse().unwrap(), Channel::Fcm);
    let outcomes = [("accepted", 3), ("busy", 1)];
    VendorAsked { message: MESSAGE, app: &app, channel, attempt: 0, outcomes: &outcomes, took: 5 }.emit();
    TokenDied { device: DEVICE, channel, followed_by: "forgotten" }.emit();
    CleaningStopped { app: &app, channel, dead: 60, seen: 60 }.emit();
    CredentialRefused { app: &app, channel, code: "SENDER_ID_MISMATCH" }.emit();
    CircuitOpened { app: &app, channel, pause: 5_000 }.emit();
    QuotaSpent { app: &app, channel, pause: 60_000 }.emit();
    CallbackTaken { channel, kind: "delivered", outcome: "taken" }.emit();
    CertificateExpiring { app: &app, channel, days_left: 7, told: 1, failed: 0 }.emit();
    LeftToVendor { message: MESSAGE, channel, devices: 256 }.emit();
}

fn emit_the_others() {
    LinkOpened { device: DEVICE, conn_seq: 1, transport: "quic", took: 3 }.emit();
    LinkClosed { device: DEVICE, conn_seq: 1, reason: "idle", life: 3 }.emit();
    FeedRead { app: &"demo".parse().unwrap(), entries: 3, head: 7 }.emit();
    FeedPushed { device: DEVICE, pushes: 2 }.emit();
    FeedCounted { gateway: GATEWAY, messages: 1, deliveries: 2 }.emit();
    PresenceDropped { gateway: GATEWAY, events: 2, reason: "full" }.emit();
    LinksLive { gateway: GATEWAY, links: 1 }.emit();
    HandshakeRefused { device: None, transport: "tcp", reason: "draining" }.emit();
    HttpAnswered { route: "/v1/messages", method: "POST", status: 202, took: 3, request_id: None }.emit();
    StoreCommitted { writes: 7, took: std::time::Duration::from_millis(1) }.emit();
    ItemDone { queue: "audience", took: 1, waited: 2 }.emit();
    WorkerFailed { queue: "audience", receives: 1, error: &std::fmt::Error }.emit();
    DeadLettered { queue: "audience", receives: 20, reason: "it cannot be read" }.emit();
    QueueDepth { queue: "audience", items: 9 }.emit();
    let at = homing_domain::UnixMillis(1);
    Told { event: &BusEvent::Alert { app: None, name: "dead_letter", detail: "it failed".to_owned(), at } }.emit();
}

#[test]
fn events_and_registry_agree() {
    let recorder = Registered::default();
    with_local_recorder(&recorder, || {
        emit_messages_and_deliveries();
        emit_vendors();
        emit_the_others();
    });
    let registry: BTreeSet<_> = metric::ALL
        .iter()
        .map(|metric| {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            (metric.name.to_owned(), kind)
        })
        .collect();
    assert_eq!(recorder.0.into_inner().unwrap(), registry);
}

#[test]
fn a_repeat_of_an_idempotency_key_is_not_accepted_again() {
    let recorder = Registered::default();
    let app: AppId = "demo".parse().unwrap();
    with_local_recorder(&recorder, || {
        MessageAccepted { message: MESSAGE, app: &app, is_new: false, payload_bytes: 2 }.emit();
    });
    assert!(recorder.0.into_inner().unwrap().is_empty());
}
