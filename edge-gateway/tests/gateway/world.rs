//! A gateway with in-memory ports, and its devices' credentials.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use homing_contract::queue::{ReceiptsInput, decode_receipts_input, v1};
use homing_credentials::{DeviceKeys, DeviceSecret, FleetSecret};
use homing_domain::mailbox::{Body, Enqueue, Enqueued, Mailbox, TakenOver, Takeover, TakeoverRefused, Withdrawn};
use homing_domain::{
    App, AppId, Audience, BusEvent, Control, Device, DeviceId, EventSettings, Exclusion, FeedCounts, FeedEntry,
    FeedOffset, GatewayRef, HandOff, HandOffTarget, HeartbeatSettings, Localization, Message, MessageId, Millis,
    Notice, Options, Priority, PushBody, Reason, Receipt, Schedule, ServerId, Stage, Undelivered, UnixMillis, Upstream,
    UpstreamRoute, UserHash,
};
use homing_edge_gateway::{Certificate, Gateway, GatewayConfig, RunningGateway};
use homing_ports::QueueName;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::sync::Notify;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The ports, all in memory, with switches for faults.
#[derive(Default)]
pub(crate) struct Ports {
    pub(crate) mailboxes: Mutex<HashMap<DeviceId, Mailbox>>,
    pub(crate) bodies: Mutex<HashMap<MessageId, Message>>,
    pub(crate) queues: Mutex<Vec<(QueueName, Bytes)>>,
    /// Items that the receipts queue refused.
    pub(crate) refused: Mutex<Vec<Bytes>>,
    pub(crate) feeds: Mutex<HashMap<AppId, BTreeMap<FeedOffset, FeedEntry>>>,
    /// So many reads of feeds fail.
    pub(crate) feed_reads_to_fail: AtomicU32,
    /// The directory's rows.
    pub(crate) devices: Mutex<HashMap<DeviceId, Device>>,
    pub(crate) device_reads: AtomicU32,
    pub(crate) message_reads: AtomicU32,
    pub(crate) feed_reads: AtomicU32,
    /// Notices on their way, each to one gateway or to whichever is there.
    pub(crate) inbox: Mutex<VecDeque<(Option<GatewayRef>, Notice)>>,
    pub(crate) notified: Mutex<Vec<(GatewayRef, Notice)>>,
    pub(crate) leases: Mutex<Vec<homing_domain::Lease>>,
    pub(crate) upstreams: Mutex<Vec<Upstream>>,
    /// When which device was noted as seen.
    pub(crate) seen: Mutex<Vec<(DeviceId, UnixMillis)>>,
    /// The directory does not answer.
    pub(crate) is_directory_stuck: AtomicBool,
    pub(crate) heartbeat: Mutex<HeartbeatSettings>,
    /// The one app, if it is anything but the defaults.
    pub(crate) app: Mutex<Option<App>>,
    pub(crate) app_reads: AtomicU32,
    pub(crate) events: Mutex<Vec<BusEvent>>,
    pub(crate) is_bus_down: AtomicBool,
    /// So many takes of notices lose them and fail.
    pub(crate) takes_to_fail: AtomicU32,
    /// Sends to the receipts queue fail.
    pub(crate) is_queue_down: AtomicBool,
    /// So many takeovers answer "retry" after they took effect.
    pub(crate) takeovers_to_fail: AtomicU32,
    /// Added to the clock.
    pub(crate) ahead: AtomicU64,
    pub(crate) changed: Notify,
}

impl Ports {
    /// Waits until something holds; what it reads changes only through these ports.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let found = async {
            loop {
                let changed = self.changed.notified();
                let mut changed = std::pin::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = look(self) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("never came: {what}"))
    }

    fn receipts_inputs(&self) -> Vec<ReceiptsInput> {
        let queues = self.queues.lock().unwrap();
        let items = queues.iter().filter(|(queue, _)| *queue == QueueName::Receipts);
        items.map(|(_, body)| decode_receipts_input(body).unwrap()).collect()
    }

    pub(crate) fn receipts(&self) -> Vec<Receipt> {
        let batches = self.receipts_inputs().into_iter().filter_map(|input| match input {
            ReceiptsInput::Batch(batch) => Some(batch.receipts),
            ReceiptsInput::FeedCounts(_) => None,
        });
        batches.flatten().collect()
    }

    /// What was counted of feeds.
    pub(crate) fn feed_counts(&self) -> Vec<FeedCounts> {
        let counts = self.receipts_inputs().into_iter().filter_map(|input| match input {
            ReceiptsInput::Batch(_) => None,
            ReceiptsInput::FeedCounts(counts) => Some(counts),
        });
        counts.collect()
    }

    pub(crate) fn undelivered(&self) -> Vec<Undelivered> {
        let queues = self.queues.lock().unwrap();
        let items = queues.iter().filter(|(queue, _)| *queue == QueueName::Dispatch);
        items.map(|(_, body)| v1::decode::<Undelivered>(body).unwrap()).collect()
    }

    pub(crate) fn mailbox_of(&self, device: DeviceId) -> Mailbox {
        self.mailboxes.lock().unwrap()[&device].clone()
    }

    /// To whichever gateway there is.
    pub(crate) fn notice(&self, notice: Notice) {
        self.inbox.lock().unwrap().push_back((None, notice));
        self.changed.notify_waiters();
    }

    pub(crate) fn notice_to(&self, gateway: GatewayRef, notice: Notice) {
        self.inbox.lock().unwrap().push_back((Some(gateway), notice));
        self.changed.notify_waiters();
    }

    pub(crate) fn take_over_now(&self, device: DeviceId, takeover: Takeover) -> Result<TakenOver, TakeoverRefused> {
        self.mailboxes.lock().unwrap().get_mut(&device).ok_or(TakeoverRefused::Revoked)?.take_over(takeover)
    }
}

/// A gateway and what it talks to.
pub(crate) struct World {
    pub(crate) ports: Arc<Ports>,
    pub(crate) gateway: RunningGateway<Ports>,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) keys: DeviceKeys,
    messages: AtomicU64,
}

pub(crate) fn app() -> AppId {
    "demo".parse().unwrap()
}

/// The app, when it wants to be told who comes and goes.
pub(crate) fn app_with_presence() -> App {
    App {
        id: app(),
        name: "Demo".to_owned(),
        server_keys: vec![],
        client_key: [0; 32],
        quota_per_second: None,
        heartbeat: None,
        events: EventSettings { presence: true, ..EventSettings::default() },
        upstream: UpstreamRoute::Poll,
        alerts: homing_domain::AlertSettings::default(),
        created_at: UnixMillis(0),
        revision: 1,
    }
}

pub(crate) fn device(n: u32) -> DeviceId {
    let mut bytes = [7; 16];
    bytes[12..].copy_from_slice(&n.to_be_bytes());
    DeviceId::from_bytes(bytes)
}

/// The row of a message for everyone that has this body.
pub(crate) fn message_of(body: &PushBody) -> Message {
    Message {
        id: body.message,
        app: app(),
        audience: Audience::All,
        exclude: Exclusion::default(),
        payload: body.payload.clone(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: body.recalls,
        options: Options { ttl_seconds: 3_600, ..Options::default() },
        body_sha256: [0; 32],
        accepted_at: body.accepted_at,
        schedule: Schedule::Now,
        release_at: None,
        series: None,
        expires_at: body.expires_at,
        stage: Stage::Released,
        releasing_at: None,
        released_at: None,
        segments_done: u64::MAX,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        Self::on(Arc::default(), change).await
    }

    pub(crate) async fn on(ports: Arc<Ports>, change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let fleet = FleetSecret::new([9; 32]);
        let keys = DeviceKeys::derived(&fleet, 1);
        let (certificate, own) = Self::certificate();
        let listen = "127.0.0.1:0".parse().unwrap();
        let mut config = GatewayConfig::new(listen, ServerId(*b"gateway1"), fleet, keys.clone());
        change(&mut config);
        let gateway = Gateway::start(Arc::clone(&ports), config, own).await.unwrap();
        Self { ports, gateway, certificate, keys, messages: AtomicU64::new(0) }
    }

    /// A new certificate, for a client to trust and for a gateway to show.
    pub(crate) fn certificate() -> (CertificateDer<'static>, Certificate) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
        (certificate.clone(), Certificate { chain: vec![certificate], key })
    }

    /// Registers a device with an empty mailbox.
    pub(crate) fn register(&self, n: u32) -> DeviceId {
        self.register_in(n, app())
    }

    /// The same, of another app.
    pub(crate) fn register_in(&self, n: u32, app: AppId) -> DeviceId {
        self.ports.mailboxes.lock().unwrap().insert(device(n), Mailbox::new(app, 1, 1, None));
        device(n)
    }

    /// Whose app a device has.
    pub(crate) fn app_of(&self, device: DeviceId) -> AppId {
        self.ports.mailboxes.lock().unwrap().get(&device).map_or_else(app, |mailbox| mailbox.app.clone())
    }

    pub(crate) fn secret(&self, device: DeviceId) -> DeviceSecret {
        self.keys.device_secret(1, &self.app_of(device), device, 1).unwrap()
    }

    pub(crate) fn body(&self, text: &str) -> PushBody {
        let n = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let mut id = [3; 16];
        id[8..].copy_from_slice(&n.to_be_bytes());
        PushBody {
            message: MessageId::from_bytes(id),
            accepted_at: UnixMillis(1),
            expires_at: UnixMillis::NEVER,
            priority: Priority::Normal,
            collapse_key: None,
            payload: Bytes::copy_from_slice(text.as_bytes()),
            recalls: None,
        }
    }

    /// What dispatch does: an entry, and a hand-off if there is a route.
    pub(crate) fn push(&self, device: DeviceId, text: &str) -> MessageId {
        self.push_body(device, self.body(text), true)
    }

    /// An entry in one of a message's languages, whose body is looked up.
    pub(crate) fn push_variant(&self, device: DeviceId, body: &PushBody, variant: u8) {
        let request = Enqueue { body: Body::Reference, variant, ..self.entry_of(device, None, body) };
        let enqueued = self.ports.mailboxes.lock().unwrap().get_mut(&device).unwrap().enqueue(request);
        assert!(matches!(enqueued, Enqueued::Stored { .. }));
    }

    /// An entry, and perhaps a hand-off.
    pub(crate) fn push_body(&self, device: DeviceId, body: PushBody, hand_off: bool) -> MessageId {
        self.push_to(device, None, body, hand_off)
    }

    /// The same, addressed to a user.
    pub(crate) fn push_to(
        &self,
        device: DeviceId,
        user: Option<UserHash>,
        body: PushBody,
        hand_off: bool,
    ) -> MessageId {
        let request = self.entry_of(device, user, &body);
        let enqueued = self.ports.mailboxes.lock().unwrap().get_mut(&device).unwrap().enqueue(request);
        let Enqueued::Stored { seq, enqueued_at, route, .. } = enqueued else {
            panic!("not stored: {enqueued:?}");
        };
        let message = body.message;
        if let Some(route) = route.filter(|_| hand_off) {
            let target = HandOffTarget { device, conn_seq: route.conn_seq, seq, enqueued_at };
            self.ports.notice_to(route.gateway, Notice::HandOff(HandOff { body, targets: vec![target] }));
        }
        message
    }

    fn entry_of(&self, device: DeviceId, user: Option<UserHash>, body: &PushBody) -> Enqueue {
        Enqueue {
            app: self.app_of(device),
            message: body.message,
            user,
            now: homing_ports::Clock::now(&*self.ports),
            accepted_at: body.accepted_at,
            expires_at: body.expires_at,
            priority: body.priority,
            collapse_key: body.collapse_key.clone(),
            body: Body::of(&body.payload, body.recalls),
            variant: 0,
        }
    }

    /// The row of a message, for whoever looks its body up.
    pub(crate) fn store(&self, body: &PushBody, localizations: Vec<Localization>) {
        self.ports.bodies.lock().unwrap().insert(body.message, Message { localizations, ..message_of(body) });
    }

    /// What dispatch does first with a message that takes another back.
    pub(crate) fn withdraw(&self, device: DeviceId, message: MessageId) -> Withdrawn {
        let withdrawn =
            self.ports.mailboxes.lock().unwrap().get_mut(&device).unwrap().withdraw(message, Reason::Recalled);
        if let Withdrawn::Marked { route: Some(route) } = withdrawn {
            self.ports.notice_to(route.gateway, Notice::Reread { device, conn_seq: route.conn_seq });
        }
        withdrawn
    }

    /// A message that takes another back, in its row.
    pub(crate) fn recall_of(&self, message: MessageId) -> PushBody {
        let body = PushBody { recalls: Some(message), ..self.body("{}") };
        self.store(&body, vec![]);
        body
    }

    /// Waits until the device's mailbox names a route (or none).
    pub(crate) async fn until_routed(&self, device: DeviceId, is_routed: bool) {
        self.ports
            .until("the route", |ports| (ports.mailbox_of(device).route.is_some() == is_routed).then_some(()))
            .await;
    }

    /// Waits until so many receipts are in the queue.
    pub(crate) async fn until_receipts(&self, count: usize) -> Vec<Receipt> {
        self.ports.until("receipts", |ports| Some(ports.receipts()).filter(|found| found.len() >= count)).await
    }

    pub(crate) async fn stop(self) {
        const DEADLINE: Millis = 15_000;
        assert!(self.gateway.stop(DEADLINE).await, "the gateway stops in time");
    }
}
