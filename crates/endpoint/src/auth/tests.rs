use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use homing_credentials::{ApiKey, DeviceKeys};
use homing_domain::{AppId, EventSettings, ServerKey, UnixMillis, UpstreamRoute};
use homing_ports::{Clock, Created, Entropy, Replaced, Result};

use super::*;
use crate::edge::{EdgeLimits, EdgeParts};

/// A store of one app that counts reads.
struct OneApp {
    app: std::sync::Mutex<App>,
    reads: AtomicUsize,
}

impl Apps for OneApp {
    async fn create_app(&self, _: App) -> Result<Created> {
        Ok(Created::Exists)
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let app = self.app.lock().unwrap().clone();
        Ok(Some(app).filter(|app| app.id == *id))
    }

    async fn apps(&self, _: Option<&AppId>, _: usize) -> Result<Vec<App>> {
        Ok(Vec::new())
    }

    async fn replace_app(&self, _: App) -> Result<Replaced> {
        Ok(Replaced::Changed)
    }

    async fn delete_app(&self, _: &AppId) -> Result<()> {
        Ok(())
    }
}

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

impl Entropy for Hand {
    fn random_16(&self) -> [u8; 16] {
        [0; 16]
    }
}

struct World {
    edge: Edge<OneApp>,
    clock: Arc<Hand>,
}

impl World {
    fn new(keys: &[(&ApiKey, Option<u64>)]) -> Self {
        let stored = |(key, end): &(&ApiKey, Option<u64>)| ServerKey {
            digest: key.digest(),
            hint: key.hint(),
            created_at: UnixMillis(0),
            expires_at: end.map(UnixMillis),
        };
        let app = App {
            id: id(),
            name: "demo".into(),
            server_keys: keys.iter().map(stored).collect(),
            client_key: ApiKey::client(&id(), [9; 32]).digest(),
            quota_per_second: None,
            heartbeat: None,
            events: EventSettings::default(),
            upstream: UpstreamRoute::default(),
            alerts: homing_domain::AlertSettings::default(),
            created_at: UnixMillis(0),
            revision: 1,
        };
        let clock = Arc::new(Hand(AtomicU64::new(10_000)));
        let edge = Edge::new(EdgeParts {
            ports: Arc::new(OneApp { app: app.into(), reads: AtomicUsize::new(0) }),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::clone(&clock) as _,
            keys: Arc::new(DeviceKeys::new(1, [(1, [1; 32])]).unwrap()),
            limits: EdgeLimits::default(),
            fleet_secret: homing_credentials::FleetSecret::new([1; 32]),
            public_url: None,
        });
        Self { edge, clock }
    }

    async fn accepts(&self, key: &ApiKey) -> bool {
        self.edge.app_of_server_key(key.expose()).await.is_ok()
    }

    fn reads(&self) -> usize {
        self.edge.ports().reads.load(Ordering::SeqCst)
    }

    fn wait(&self, span: u64) {
        self.clock.0.fetch_add(span, Ordering::SeqCst);
    }
}

fn id() -> AppId {
    "demo".parse().unwrap()
}

fn key(n: u8) -> ApiKey {
    ApiKey::server(&id(), [n; 32])
}

#[tokio::test]
async fn a_thousand_checks_read_once_in_two_seconds() {
    let world = World::new(&[(&key(1), None)]);
    for _ in 0..1_000 {
        assert!(world.accepts(&key(1)).await);
    }
    assert_eq!(world.reads(), 1);
    world.wait(2_000);
    assert!(world.accepts(&key(1)).await);
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn wrong_keys_read_ten_times_a_second_at_most() {
    let world = World::new(&[(&key(1), None)]);
    for _ in 0..1_000 {
        assert!(!world.accepts(&key(2)).await);
        world.wait(1);
    }
    assert!(world.reads() <= 10, "{}", world.reads());
}

#[tokio::test]
async fn a_new_key_is_good_at_once_and_an_ended_one_is_not() {
    let world = World::new(&[(&key(1), None)]);
    assert!(world.accepts(&key(1)).await);
    world.wait(100);
    world.edge.ports().app.lock().unwrap().server_keys[0].digest = key(2).digest();
    assert!(world.accepts(&key(2)).await);
    assert!(!world.accepts(&key(1)).await);

    let world = World::new(&[(&key(2), None), (&key(1), Some(10_500))]);
    assert!(world.accepts(&key(1)).await && world.accepts(&key(2)).await);
    world.wait(500);
    assert!(!world.accepts(&key(1)).await && world.accepts(&key(2)).await);
}

#[tokio::test]
async fn kinds_of_keys_do_not_stand_in_for_each_other() {
    let world = World::new(&[(&key(1), None)]);
    let client = ApiKey::client(&id(), [9; 32]);
    assert!(world.edge.app_of_client_key(client.expose()).await.is_ok());
    for (problem, status) in [
        (world.edge.app_of_client_key(key(1).expose()).await, 403),
        (world.edge.app_of_server_key(client.expose()).await, 403),
        (world.edge.app_of_server_key(ApiKey::admin([1; 32]).expose()).await, 403),
        (world.edge.app_of_server_key(ApiKey::server(&"other".parse().unwrap(), [1; 32]).expose()).await, 401),
        (world.edge.app_of_server_key("").await, 401),
    ] {
        assert_eq!(problem.unwrap_err().status(), status);
    }
}

#[test]
fn only_bearer_credentials_count() {
    let headers = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
    assert_eq!(bearer(&headers("Bearer abc")), Some("abc"));
    assert_eq!(bearer(&headers("bearer  abc ")), Some("abc"));
    for other in ["Basic abc", "abc", "Bearer"] {
        assert_eq!(bearer(&headers(other)), None, "{other}");
    }
}
