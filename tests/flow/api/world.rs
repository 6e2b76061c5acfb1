//! A server without sockets: the routers of all functions, merged, over an embedded store in a directory of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use homing_credentials::{ApiKey, DeviceKeys};
use homing_domain::limits::FANOUT_SEGMENTS;
use homing_domain::{AppId, UnixMillis};
use homing_endpoint::{Edge, EdgeLimits, EdgeParts, assemble};
use homing_ports::{Apps, Clock, Devices, Entropy, Messages, QueueName, Queues, Settings};
use homing_store_embedded::EmbeddedStore;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::failing::{Failing, Plan};

/// The app that every world begins with.
pub(super) const APP: &str = "demo";

pub(super) struct World {
    pub(super) store: EmbeddedStore,
    pub(super) edge: Edge<Failing>,
    pub(super) router: Router,
    pub(super) clock: Arc<HandClock>,
    pub(super) admin: String,
    pub(super) server_key: String,
    pub(super) client_key: String,
    _directory: tempfile::TempDir,
}

/// A clock that is moved by hand.
#[derive(Debug)]
pub(super) struct HandClock(AtomicU64);

impl HandClock {
    pub(super) fn advance(&self, by: u64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// Random enough: no two answers are alike.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn random_16(&self) -> [u8; 16] {
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        homing_credentials::derive_id("test entropy", &[&count.to_be_bytes()])
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body of an answer that must have this status.
    pub(super) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// Status, code and pointer of a problem, which must look like one.
    pub(super) fn problem(&self) -> (u16, String, Option<String>) {
        let body = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json", "{body}");
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["type"], format!("urn:homing:problem:{}", body["code"].as_str().unwrap()));
        let first = &body["violations"][0];
        if first.is_object() {
            assert_eq!((&first["code"], &first["pointer"]), (&body["code"], &body["pointer"]));
        }
        let text = |field: &str| body[field].as_str().map(str::to_owned);
        (self.status.as_u16(), text("code").unwrap(), text("pointer"))
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with_limits(EdgeLimits::default()).await
    }

    pub(super) async fn with_limits(limits: EdgeLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicU64::new(1_800_000_000_000)));
        let shared_clock: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let store = EmbeddedStore::open(directory.path(), Arc::clone(&shared_clock)).unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(Counting::default());
        let admin = ApiKey::admin(entropy.random_32());
        let mut settings = store.settings().await.unwrap();
        settings.admin_token = Some(admin.digest());
        settings.revision += 1;
        store.replace_settings(settings).await.unwrap();
        let keys = DeviceKeys::new(1, [(1, [1; 32])]).unwrap();
        let edge = Edge::new(EdgeParts {
            ports: Arc::new(Failing::new(store.clone())),
            clock: Arc::clone(&shared_clock),
            entropy: Arc::clone(&entropy),
            keys: Arc::new(keys),
            fleet_secret: homing_credentials::FleetSecret::new([7; 32]),
            public_url: None,
            limits,
        });
        let routers = [
            homing_intake::router(edge.clone()),
            homing_binding::router(edge.clone()),
            homing_query::router(edge.clone()),
            homing_receipts::router(edge.clone()),
            homing_console::router(edge.clone()),
        ];
        let router = assemble(routers, shared_clock, entropy);
        let admin = admin.expose().to_owned();
        let (server_key, client_key) = (String::new(), String::new());
        let mut world = Self { store, edge, router, clock, admin, server_key, client_key, _directory: directory };
        let created = world.post("/v1/apps", &world.admin, json!({"id": APP})).await.expect(201);
        world.server_key = created["server_key"].as_str().unwrap().to_owned();
        world.client_key = created["client_key"].as_str().unwrap().to_owned();
        world
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, bytes: body.collect().await.unwrap().to_bytes() }
    }

    pub(super) async fn call(&self, method: &str, path: &str, credentials: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !credentials.is_empty() {
            request = request.header("authorization", format!("Bearer {credentials}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, credentials: &str, body: Value) -> Answer {
        self.call("POST", path, credentials, Some(body)).await
    }

    pub(super) async fn get(&self, path: &str, credentials: &str) -> Answer {
        self.call("GET", path, credentials, None).await
    }

    /// Registers a device: its id and its secret.
    pub(super) async fn register(&self) -> (String, String) {
        let body = json!({"client_key": self.client_key, "platform": "android"});
        let device = self.post("/v1/devices", "", body).await.expect(201);
        let text = |field: &str| device[field].as_str().unwrap().to_owned();
        (text("device_id"), text("device_secret"))
    }

    /// Sends a request again and again, each time with another port call that fails, once before and once after it took
    /// effect, until no call is left that could fail. Each failure must be answered with 503 and a time to come back, and
    /// sending the same again must do. `prepare` makes what the request needs, `always` holds whatever failed, and `check`
    /// looks at what came of it in the end.
    pub(super) async fn fail_everywhere<T>(
        &self,
        prepare: impl AsyncFn(&Self, usize) -> T,
        request: impl AsyncFn(&Self, &T) -> Answer,
        always: impl AsyncFn(&Self, &T),
        check: impl AsyncFn(&Self, T, Answer),
    ) -> usize {
        let mut failures = 0;
        for after_calls in 0.. {
            for takes_effect in [false, true] {
                let prepared = prepare(self, failures).await;
                self.edge.ports().fail(Plan { after_calls, takes_effect });
                let answer = request(self, &prepared).await;
                if self.edge.ports().mend() {
                    check(self, prepared, answer).await;
                    return failures;
                }
                failures += 1;
                always(self, &prepared).await;
                let answer = if answer.status.is_success() {
                    answer
                } else {
                    assert_eq!(answer.problem(), (503, "store_unavailable".to_owned(), None));
                    assert!(answer.headers.contains_key("retry-after"));
                    request(self, &prepared).await
                };
                check(self, prepared, answer).await;
            }
        }
        failures
    }

    /// How many items wait in a queue.
    pub(super) async fn depth(&self, queue: QueueName) -> u64 {
        self.store.depth(queue).await.unwrap()
    }

    /// Takes everything out of a queue.
    pub(super) async fn drain(&self, queue: QueueName) -> Vec<Bytes> {
        let received = self.store.receive(queue, 100, 0).await.unwrap();
        let handles = received.iter().map(|item| item.handle.clone()).collect();
        self.store.delete(queue, handles).await.unwrap();
        received.into_iter().map(|item| item.body).collect()
    }

    /// Counts everything that a request could have left behind.
    pub(super) async fn stored(&self) -> Stored {
        let app: AppId = APP.parse().unwrap();
        let mut devices = Vec::new();
        for segment in 0..FANOUT_SEGMENTS {
            devices.extend(self.store.devices_of_app(&app, segment, None, 1_000).await.unwrap());
        }
        let mut queued = 0;
        for queue in QueueName::ALL {
            queued += self.depth(queue).await;
        }
        Stored {
            apps: self.store.apps(None, 100).await.unwrap(),
            messages: self.store.messages_of_app(&app, None, 100).await.unwrap().len(),
            devices,
            queued,
            settings: self.store.settings().await.unwrap(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    apps: Vec<homing_domain::App>,
    messages: usize,
    devices: Vec<homing_domain::Device>,
    queued: u64,
    settings: homing_ports::FleetSettings,
}
