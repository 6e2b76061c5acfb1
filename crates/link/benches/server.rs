//! What one link of a gateway costs in computation, without any input or output.

use std::hint::black_box;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use homing_domain::mailbox::{Mailbox, TakenOver};
use homing_domain::{DeviceId, HandOffTarget, HeartbeatSettings, MessageId, Priority, PushBody, Seq, UnixMillis};
use homing_link::Transport;
use homing_link::server::{Effect, Greeting, Live};
use homing_wire::{Ack, Frame, Hello, Ping, encode};

const DEVICE: [u8; 16] = [7; 16];
const NOW: UnixMillis = UnixMillis(1_000_000);

fn bytes(frame: impl Into<Frame>) -> BytesMut {
    let mut buffer = BytesMut::new();
    encode(&frame.into(), &mut buffer);
    buffer
}

fn live() -> Live {
    let hello = Hello {
        device: Bytes::from_static(&DEVICE),
        app: "demo".to_owned(),
        epoch: 1,
        conn_seq: 1,
        auth: Bytes::from_static(&[0; 16]),
        ..Hello::default()
    };
    let mut greeting = Greeting::new(NOW, Transport::Quic);
    let claim = greeting.receive(&bytes(hello)).expect("a Hello").expect("all of it");
    let mailbox = Mailbox::new("demo".parse().expect("an app"), 1, 1, None);
    let taken_over = TakenOver { previous: None, mailbox, seen_before: None };
    let live = greeting.identify(claim).welcome(NOW, taken_over, &HeartbeatSettings::default());
    let mut live = live.expect("the app is the same");
    while live.poll().is_some() {}
    live
}

fn body() -> Arc<PushBody> {
    Arc::new(PushBody {
        message: MessageId::from_bytes([3; 16]),
        accepted_at: NOW,
        expires_at: UnixMillis::NEVER,
        priority: Priority::Normal,
        collapse_key: None,
        payload: Bytes::from(vec![b'x'; 200]),
        recalls: None,
    })
}

/// Performs what is asked for at once, as a store without latency would.
fn perform(live: &mut Live, out: &mut BytesMut) {
    while let Some(effect) = live.poll() {
        match effect {
            Effect::Transmit(frame) => encode(&frame, out),
            Effect::Record { ticket, .. } => live.recorded(NOW, ticket),
            Effect::Trim { through, .. } => {
                live.trimmed(NOW, Ok(homing_domain::mailbox::Trimmed { lo: through + 1 }));
            }
            other => panic!("not expected here: {other:?}"),
        }
    }
}

fn delivery(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one link");
    group.throughput(Throughput::Elements(1));
    group.bench_function("hand-off, push, ack, receipt, trim", |bencher| {
        let (mut live, body, mut out) = (live(), body(), BytesMut::new());
        let mut seq: Seq = 0;
        bencher.iter(|| {
            seq += 1;
            let device = DeviceId::from_bytes(DEVICE);
            let target = HandOffTarget { device, conn_seq: 1, seq, enqueued_at: NOW };
            live.hand_off(NOW, &body, target);
            perform(&mut live, &mut out);
            live.receive(NOW, &bytes(Ack { seq, receipts: vec![], feed_offset: 0 }));
            perform(&mut live, &mut out);
            black_box(&out);
            out.clear();
        });
    });
    group.bench_function("heartbeat", |bencher| {
        let (mut live, mut out) = (live(), BytesMut::new());
        let ping = bytes(Ping::default());
        let mut now = NOW;
        bencher.iter(|| {
            now = now.plus(1_000);
            live.receive(now, &ping);
            black_box(live.next_timeout());
            perform(&mut live, &mut out);
            out.clear();
        });
    });
    group.finish();
}

criterion_group!(benches, delivery);
criterion_main!(benches);
