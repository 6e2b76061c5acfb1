//! Malformed and hostile frames: each link gets its designed close, and nobody else notices.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use homing_domain::DeviceId;
use homing_link::Transport;
use homing_wire::{Ack, CloseCode, FactReceipt, Frame, Hello, Ping, Push, Up, UpAck, UpCode, Welcome, encode};

use crate::bystander::Bystander;
use crate::raw::Raw;
use crate::world::World;

/// What the link says, given its Hello.
type Speech = fn(Hello) -> Vec<u8>;

/// One kind of hostile link.
struct Case {
    name: &'static str,
    /// Whether it first joins as it should.
    joins: bool,
    says: Speech,
    close: CloseCode,
}

const fn before(name: &'static str, close: CloseCode, says: Speech) -> Case {
    Case { name, joins: false, says, close }
}

const fn after(name: &'static str, close: CloseCode, says: Speech) -> Case {
    Case { name, joins: true, says, close }
}

fn bytes(frame: impl Into<Frame>) -> Vec<u8> {
    let mut buffer = BytesMut::new();
    encode(&frame.into(), &mut buffer);
    buffer.to_vec()
}

fn receipt(length: usize) -> FactReceipt {
    FactReceipt { message: Bytes::from(vec![1; length]), kind: 1, at_ms: 0 }
}

const CASES: [Case; 24] = [
    before("a wrong proof", CloseCode::Authentication, |hello| {
        bytes(Hello { auth: Bytes::from_static(&[0; 16]), ..hello })
    }),
    before("a proof for another connection number", CloseCode::Authentication, |hello| {
        bytes(Hello { conn_seq: hello.conn_seq + 1, ..hello })
    }),
    before("a proof of another device", CloseCode::Authentication, |hello| {
        bytes(Hello { device: Bytes::from_static(&[8; 16]), ..hello })
    }),
    before("another app's name", CloseCode::Authentication, |hello| bytes(Hello { app: "other".to_owned(), ..hello })),
    before("a key that is not there", CloseCode::Authentication, |hello| bytes(Hello { key_id: 99, ..hello })),
    before("another credential generation", CloseCode::Authentication, |hello| {
        bytes(Hello { credential_generation: 2, ..hello })
    }),
    before("a device id of 15 bytes", CloseCode::Protocol, |hello| {
        bytes(Hello { device: Bytes::from_static(&[7; 15]), ..hello })
    }),
    before("no app", CloseCode::Protocol, |hello| bytes(Hello { app: String::new(), ..hello })),
    before("no proof", CloseCode::Protocol, |hello| bytes(Hello { auth: Bytes::new(), ..hello })),
    before("connection number 0", CloseCode::Protocol, |hello| bytes(Hello { conn_seq: 0, ..hello })),
    before("the largest connection number", CloseCode::Protocol, |hello| bytes(Hello { conn_seq: u64::MAX, ..hello })),
    before("a heartbeat before the Hello", CloseCode::Protocol, |_| bytes(Ping::default())),
    before("a frame that says it is 16 KiB long", CloseCode::Protocol, |_| vec![0x80, 0x00, 0x40, 0x00, 1]),
    before("a frame without a type", CloseCode::Protocol, |_| vec![0]),
    before("an unknown type", CloseCode::Protocol, |_| vec![2, 0x30, 0]),
    before("a body that is no protobuf", CloseCode::Protocol, |_| vec![4, 1, 0x0a, 0xff, 0xff]),
    after("a second Hello", CloseCode::Protocol, bytes),
    after("a Push from the device", CloseCode::Protocol, |_| bytes(Push::default())),
    after("a Welcome from the device", CloseCode::Protocol, |_| bytes(Welcome::default())),
    after("an Ack beyond what was sent", CloseCode::Protocol, |_| {
        bytes(Ack { seq: 1, receipts: vec![], feed_offset: 0 })
    }),
    after("101 receipts", CloseCode::Protocol, |_| {
        bytes(Ack { seq: 0, receipts: vec![receipt(16); 101], feed_offset: 0 })
    }),
    after("a receipt for half a message id", CloseCode::Protocol, |_| {
        bytes(Ack { seq: 0, receipts: vec![receipt(8)], feed_offset: 0 })
    }),
    after("a truncated Ack", CloseCode::Protocol, |_| vec![3, 4, 0x08, 0x80]),
    after("a flood of heartbeats", CloseCode::Protocol, |_| bytes(Ping::default()).repeat(500)),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_link_gets_its_designed_close_and_nobody_else_notices() {
    let world = Arc::new(World::new().await);
    let quic = Bystander::start(&world, 1, Transport::Quic).await;
    let tcp = Bystander::start(&world, 2, Transport::Tcp).await;
    // Side by side, for a closed TCP connection is given its time to end.
    let mut links = tokio::task::JoinSet::new();
    for (n, case) in (10..).zip(CASES.iter()) {
        for (transport, n) in [(Transport::Tcp, n), (Transport::Quic, n + 100)] {
            let device = world.register(n);
            let world = Arc::clone(&world);
            links.spawn(async move { misbehave(&world, case, transport, device).await });
        }
    }
    while let Some(ended) = links.join_next().await {
        ended.unwrap();
    }
    quic.check("24 hostile links, over QUIC").await;
    tcp.check("24 hostile links, over TCP").await;
    Arc::into_inner(world).unwrap().stop().await;
}

async fn misbehave(world: &World, case: &Case, transport: Transport, device: DeviceId) {
    let mut raw =
        if case.joins { Raw::join(world, transport, device, 1).await } else { Raw::connect(world, transport).await };
    let hello = raw.hello(world, device, 1, 0);
    raw.send_bytes(&(case.says)(hello)).await;
    let close = raw.closed().await;
    assert_eq!(CloseCode::try_from(close.code), Ok(case.close), "{} over {transport:?}", case.name);
    if !case.joins {
        assert_eq!(world.ports.mailbox_of(device).conn_seq, 0, "{}: it must not take over", case.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_hello_is_worth_nothing_on_another_connection() {
    let world = World::new().await;
    let device = world.register(1);
    for (transport, other) in [(Transport::Tcp, Transport::Quic), (Transport::Quic, Transport::Tcp)] {
        let victim = Raw::connect(&world, transport).await;
        let captured = victim.hello(&world, device, 1, 0);
        for transport in [transport, other] {
            let mut replay = Raw::connect(&world, transport).await;
            replay.send(captured.clone()).await;
            replay.expect_close(CloseCode::Authentication).await;
        }
    }
    assert_eq!(world.ports.mailbox_of(device).conn_seq, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_nobody_knows_is_revoked() {
    let world = World::new().await;
    for transport in [Transport::Tcp, Transport::Quic] {
        let mut raw = Raw::connect(&world, transport).await;
        let hello = raw.hello(&world, crate::world::device(99), 1, 0);
        raw.send(hello).await;
        raw.expect_close(CloseCode::Revoked).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused_and_the_link_goes_on() {
    let world = World::new().await;
    let device = world.register(1);
    for (transport, conn_seq) in [(Transport::Tcp, 1), (Transport::Quic, 2)] {
        let mut link = Raw::join(&world, transport, device, conn_seq).await;
        link.send(Up { id: 1, topic: "t".to_owned(), payload: Bytes::from(vec![0; 4_097]) }).await;
        assert_eq!(link.next().await, Some(UpAck { id: 1, code: UpCode::Refused as i32 }.into()));
        link.send(Up { id: 2, topic: "t".repeat(129), payload: Bytes::new() }).await;
        assert_eq!(link.next().await, Some(UpAck { id: 2, code: UpCode::Refused as i32 }.into()));
        link.send(Ping::default()).await;
        assert!(matches!(link.next().await, Some(Frame::Pong(_))));
    }
    assert!(world.ports.upstreams.lock().unwrap().is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_reads_nothing_is_held_to_its_window_and_closed() {
    let world = World::new().await;
    for (n, transport) in [(1, Transport::Tcp), (2, Transport::Quic)] {
        let device = world.register(n);
        let mut link = Raw::join(&world, transport, device, 1).await;
        for _ in 0..40 {
            let long = homing_domain::PushBody { payload: Bytes::from(vec![b'x'; 4_096]), ..world.body("") };
            world.push_body(device, long, true);
        }
        let sixteenth = link.push_number(16).await;
        assert_eq!(sixteenth.seq, 16, "64 KiB are under way, and nothing more");
        world.ports.ahead.fetch_add(61_000, std::sync::atomic::Ordering::Relaxed);
        // Any notice makes the link look at the clock.
        world.ports.notice(homing_domain::Notice::Trim { device, conn_seq: 1 });
        link.expect_close(CloseCode::Idle).await;
    }
    world.stop().await;
}
