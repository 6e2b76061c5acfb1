//! What a durable answer costs, beside what the same disk does for a bare append and sync in the same run.
//!
//! Run with `cargo bench -p homing-store-embedded`. Rates are per item; `accept` and `enqueue` keep 256 callers waiting
//! all the time, which is what a busy server has.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use homing_domain::mailbox::{Body, Enqueue, Mailbox, Takeover};
use homing_domain::{
    AppId, Audience, Control, DeviceId, Exclusion, GatewayRef, Message, MessageId, Options, Priority, Schedule,
    ServerId, Stage, UnixMillis,
};
use homing_ports::{Clock, Mailboxes, Messages, Outgoing, QueueName, Queues};
use homing_store_embedded::EmbeddedStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Callers that wait at any moment.
const IN_FLIGHT: u64 = 256;
/// Bytes of a record: a short push.
const RECORD_BYTES: usize = 300;
/// Devices of the mailbox bench: more than a memtable page, fewer than would need a disk.
const DEVICES: u64 = 10_000;
/// Items that wait in the queue when the store is opened.
const WAITING: u64 = 1_000_000;
/// Items of one send when the queue is filled.
const SEND_AT_ONCE: u64 = 1_000;

struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the bench is the driver")]
    fn now(&self) -> UnixMillis {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixMillis(since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
    }
}

#[expect(clippy::disallowed_methods, reason = "the bench is the driver")]
fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory, Arc::new(WallClock)).expect("a fresh directory opens")
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime starts")
}

fn app() -> AppId {
    "shop".parse().expect("a slug")
}

fn id(n: u64) -> [u8; 16] {
    // Spread as random ids are.
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    bytes
}

fn message(n: u64) -> Message {
    Message {
        id: MessageId::from_bytes(id(n)),
        app: app(),
        audience: Audience::Devices(vec![DeviceId::from_bytes(id(n))]),
        payload: Bytes::from(vec![b'x'; RECORD_BYTES]),
        options: Options { ttl_seconds: 60, priority: Priority::Normal, collapse_key: None, ..Options::default() },
        body_sha256: [7; 32],
        accepted_at: UnixMillis(n),
        release_at: None,
        expires_at: UnixMillis(n + 60_000),
        stage: Stage::Accepted,
        releasing_at: None,
        released_at: None,
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        schedule: Schedule::Now,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 0,
    }
}

fn enqueue(n: u64) -> Enqueue {
    Enqueue {
        app: app(),
        message: MessageId::from_bytes(id(n)),
        user: None,
        now: UnixMillis(n),
        accepted_at: UnixMillis(n),
        expires_at: UnixMillis::NEVER,
        priority: Priority::Normal,
        collapse_key: None,
        body: Body::Inline(Bytes::from(vec![b'x'; RECORD_BYTES])),
        variant: 0,
    }
}

/// Runs `count` operations, `IN_FLIGHT` at a time, each with a number never used before.
fn in_flight<F>(runtime: &Runtime, next: &Arc<AtomicU64>, count: u64, operation: impl Fn(u64) -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
    F::Output: Send,
{
    let first = next.fetch_add(count, Ordering::Relaxed);
    let callers = IN_FLIGHT.min(count);
    let runs: Vec<Vec<F>> = (0..callers)
        .map(|caller| (first + caller..first + count).step_by(callers as usize).map(&operation).collect())
        .collect();
    timed(|| {
        runtime.block_on(async {
            let callers = runs.into_iter().map(|run| {
                tokio::spawn(async move {
                    for operation in run {
                        operation.await;
                    }
                })
            });
            for caller in callers.collect::<Vec<_>>() {
                caller.await.expect("no operation fails");
            }
        });
    })
}

fn raw(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw");
    for at_once in [1, IN_FLIGHT] {
        let directory = TempDir::new().expect("a directory");
        let mut file = File::create(directory.path().join("log")).expect("a file");
        let record = vec![b'x'; RECORD_BYTES * at_once as usize];
        group.throughput(Throughput::Elements(at_once));
        group.bench_function(BenchmarkId::new("append and sync", at_once), |bencher| {
            bencher.iter(|| {
                file.write_all(&record).expect("room on the disk");
                file.sync_data().expect("the disk syncs");
            });
        });
    }
    group.finish();
}

fn accept(criterion: &mut Criterion) {
    let (directory, runtime) = (TempDir::new().expect("a directory"), runtime());
    let (store, next) = (open(directory.path()), Arc::new(AtomicU64::new(0)));
    let mut group = criterion.benchmark_group("accept");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one after the other", |bencher| {
        bencher.iter(|| {
            let n = next.fetch_add(1, Ordering::Relaxed);
            runtime.block_on(store.accept(message(n))).expect("it is stored");
        });
    });
    group.bench_function("256 in flight", |bencher| {
        bencher.iter_custom(|count| {
            in_flight(&runtime, &next, count, |n| {
                let store = store.clone();
                async move {
                    store.accept(message(n)).await.expect("it is stored");
                }
            })
        });
    });
    group.bench_function("256 in flight, with their jobs", |bencher| {
        bencher.iter_custom(|count| {
            in_flight(&runtime, &next, count, |n| {
                let store = store.clone();
                async move {
                    store.accept(message(n)).await.expect("it is stored");
                    let job = Outgoing::now(Bytes::from(vec![b'j'; 100]));
                    store.send(QueueName::Audience, vec![job]).await.expect("it is sent");
                }
            })
        });
    });
    group.finish();
}

fn mailbox(criterion: &mut Criterion) {
    let (directory, runtime) = (TempDir::new().expect("a directory"), runtime());
    let (store, next) = (open(directory.path()), Arc::new(AtomicU64::new(0)));
    let gateway = GatewayRef { server_id: ServerId([1; 8]), incarnation: 1 };
    let takeover = Takeover { gateway, conn_seq: 1, credential_generation: 1, now: UnixMillis(0) };
    in_flight(&runtime, &Arc::new(AtomicU64::new(0)), DEVICES, |n| {
        let (store, device) = (store.clone(), DeviceId::from_bytes(id(n)));
        async move {
            store.create_mailbox(device, Mailbox::new(app(), 1, 1, None)).await.expect("it is stored");
            let taken = store.take_over(device, takeover).await.expect("it is stored");
            taken.expect("nobody else owns it");
        }
    });
    let mut group = criterion.benchmark_group("mailbox");
    group.throughput(Throughput::Elements(1));
    group.bench_function("enqueue and trim, 256 in flight", |bencher| {
        bencher.iter_custom(|count| {
            in_flight(&runtime, &next, count, |n| {
                let (store, device) = (store.clone(), DeviceId::from_bytes(id(n % DEVICES)));
                async move {
                    store.enqueue(vec![(device, enqueue(n))]).await.expect("it is stored");
                    let mailbox = store.mailbox(device).await.expect("it is read").expect("it is there");
                    let trimmed = store.trim(device, 1, mailbox.lo, mailbox.hi).await.expect("it is stored");
                    trimmed.expect("it is owned");
                }
            })
        });
    });
    const PAGE: u64 = 256;
    group.throughput(Throughput::Elements(PAGE));
    group.bench_function("enqueue a page of 256 devices", |bencher| {
        bencher.iter(|| {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let page = (0..PAGE).map(|at| (DeviceId::from_bytes(id((n * PAGE + at) % DEVICES)), enqueue(n)));
            runtime.block_on(store.enqueue(page.collect())).expect("it is stored");
        });
    });
    group.finish();
}

fn reopen(criterion: &mut Criterion) {
    let (directory, runtime) = (TempDir::new().expect("a directory"), runtime());
    let store = open(directory.path());
    for _ in 0..WAITING / SEND_AT_ONCE {
        let items = vec![Outgoing::now(Bytes::from(vec![b'x'; RECORD_BYTES])); SEND_AT_ONCE as usize];
        runtime.block_on(store.send(QueueName::Dispatch, items)).expect("it is sent");
    }
    drop(store);
    let mut group = criterion.benchmark_group("reopen");
    group.sample_size(10);
    group.bench_function("a million items wait", |bencher| {
        bencher.iter_custom(|count| {
            let open_once = |_| {
                let mut store = None;
                let took = timed(|| store = Some(open(directory.path())));
                let depth = store.as_ref().map(|store| runtime.block_on(store.depth(QueueName::Dispatch)));
                assert!(matches!(depth, Some(Ok(WAITING))), "all of them are there");
                took
            };
            (0..count).map(open_once).sum()
        });
    });
    group.finish();
}

criterion_group!(benches, raw, accept, mailbox, reopen);
criterion_main!(benches);
