//! What fanout pays for the devices of a page: a segment's, and those that are named.
//!
//! Run with `cargo bench -p homing-store-embedded --bench directory`. Rates are per device.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use homing_domain::limits::{FANOUT_SEGMENTS, SHARD_MAX_DEVICES};
use homing_domain::{AppId, Device, DeviceId, DeviceProfile, Platform, Preferences, UnixMillis};
use homing_ports::{Clock, Devices};
use homing_store_embedded::EmbeddedStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Devices of the app: those of the audience demonstration.
const DEVICES: u64 = 100_000;
/// Devices that are created at once, so that they share commits.
const CREATED_AT_ONCE: u64 = 1_000;

struct NoTime;

impl Clock for NoTime {
    fn now(&self) -> UnixMillis {
        UnixMillis(0)
    }
}

fn app() -> AppId {
    "shop".parse().expect("a slug")
}

fn id(n: u64) -> DeviceId {
    // Spread as random ids are.
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    DeviceId::from_bytes(bytes)
}

fn device(n: u64) -> Device {
    let text = |text: &str| Some(text.to_owned());
    Device {
        id: id(n),
        app: app(),
        profile: DeviceProfile {
            platform: Platform::Android,
            brand: text("brand"),
            model: text("model 12"),
            os_version: text("15"),
            app_version: text("7.4.1"),
            locale: text("zh-CN"),
            timezone: text("Asia/Shanghai"),
            notifications_enabled: true,
        },
        vendor: None,
        user: format!("user-{n}").parse().ok(),
        user_since: Some(UnixMillis(0)),
        preferences: Preferences::default(),
        tags: vec!["beijing".to_owned(), format!("cohort-{}", n % 20), "vip".to_owned()],
        epoch: n,
        key_id: 1,
        credential_generation: 1,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
        seen_at: UnixMillis(1),
        revision: 1,
        lanes: Vec::new(),
    }
}

fn fill(runtime: &Runtime, store: &EmbeddedStore) {
    for first in (0..DEVICES).step_by(usize::try_from(CREATED_AT_ONCE).unwrap_or(usize::MAX)) {
        runtime.block_on(async {
            let mut created = tokio::task::JoinSet::new();
            for n in first..first + CREATED_AT_ONCE {
                let store = store.clone();
                created.spawn(async move { store.create_device(device(n)).await.expect("a working disk") });
            }
            created.join_all().await;
        });
    }
}

fn directory(criterion: &mut Criterion) {
    let (runtime, directory) = (Runtime::new().expect("a runtime starts"), TempDir::new().expect("a directory"));
    let open = || EmbeddedStore::open(directory.path(), Arc::new(NoTime)).expect("it opens");
    fill(&runtime, &open());
    let store = open();
    let mut group = criterion.benchmark_group("directory");
    group.throughput(Throughput::Elements(SHARD_MAX_DEVICES as u64));
    let (app, turn) = (app(), AtomicU64::new(0));
    let next = || turn.fetch_add(1, Ordering::Relaxed);
    group.bench_function("a page of a segment", |bencher| {
        bencher.iter(|| {
            let segment = u8::try_from(next() % u64::from(FANOUT_SEGMENTS)).unwrap_or_default();
            let page = store.devices_of_app(&app, segment, None, SHARD_MAX_DEVICES);
            assert_eq!(runtime.block_on(page).expect("a working disk").len(), SHARD_MAX_DEVICES);
        });
    });
    group.bench_function("named devices", |bencher| {
        bencher.iter(|| {
            let first = next() * SHARD_MAX_DEVICES as u64;
            let ids = (first..first + SHARD_MAX_DEVICES as u64).map(|n| id(n % DEVICES)).collect();
            assert_eq!(runtime.block_on(store.devices(ids)).expect("a working disk").len(), SHARD_MAX_DEVICES);
        });
    });
    group.finish();
}

criterion_group!(benches, directory);
criterion_main!(benches);
