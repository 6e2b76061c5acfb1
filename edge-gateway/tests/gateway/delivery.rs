//! Messages reach the device, and what the device says reaches the ledger.

use std::sync::atomic::Ordering;

use homing_domain::{Channel, Event, HandOff, HandOffTarget, Notice, Stage, UnixMillis};
use homing_link::Transport;
use homing_wire::{Ack, FactKind, FactReceipt, Frame, Ping, Resumption, Up, UpCode};

use crate::raw::Raw;
use crate::world::World;

const BOTH: [Transport; 2] = [Transport::Quic, Transport::Tcp];

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_delivered_acknowledged_and_told() {
    for transport in BOTH {
        let world = World::new().await;
        let device = world.register(1);
        let waiting = world.push(device, "waited in the mailbox");
        let mut link = Raw::join(&world, transport, device, 1).await;
        let first = link.push().await;
        assert_eq!((first.seq, &first.message[..]), (1, &waiting.as_bytes()[..]));
        let live = world.push(device, "您好 👋");
        let second = link.push().await;
        assert_eq!((second.seq, &second.payload[..]), (2, "您好 👋".as_bytes()));
        link.ack(2).await;
        let receipts = world.until_receipts(2).await;
        assert_eq!(receipts.iter().map(|receipt| receipt.message).collect::<Vec<_>>(), [waiting, live]);
        for receipt in receipts {
            assert!(matches!(receipt.event, Event::Ended(end) if end.stage == Stage::Delivered));
            assert_eq!((receipt.device, receipt.channel), (device, Channel::Own));
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pushes_keep_their_order_beyond_the_window() {
    for transport in BOTH {
        let world = World::new().await;
        let device = world.register(1);
        let mut link = Raw::join(&world, transport, device, 1).await;
        for n in 1..=300_u64 {
            world.push(device, &format!("message {n}"));
            let push = link.push().await;
            assert_eq!((push.seq, &push.payload[..]), (n, format!("message {n}").as_bytes()));
            if n % 20 == 0 {
                link.ack(n).await;
                world.until_receipts(usize::try_from(n).unwrap()).await;
                // A live mailbox holds 64: the gateway must have trimmed.
                world.ports.until("trim", |ports| (ports.mailbox_of(device).lo + 20 > n).then_some(())).await;
            }
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hint_is_found_by_the_next_one() {
    let world = World::new().await;
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Tcp, device, 1).await;
    world.push_body(device, world.body("its hand-off is lost"), false);
    world.push(device, "leaves a gap");
    assert_eq!(link.push().await.seq, 1);
    assert_eq!(link.push().await.seq, 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn now_or_never_is_acknowledged_by_its_receipt() {
    let world = World::new().await;
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Quic, device, 1).await;
    let body = world.body("now");
    let message = body.message;
    let target = HandOffTarget { device, conn_seq: 1, seq: 0, enqueued_at: UnixMillis(1) };
    world.ports.notice(Notice::HandOff(HandOff { body, targets: vec![target] }));
    let push = link.push().await;
    assert_eq!(push.seq, 0);
    let received = FactReceipt { message: push.message, kind: FactKind::Received as i32, at_ms: 1 };
    link.send(Ack { seq: 0, receipts: vec![received], feed_offset: 0 }).await;
    let receipts = world.until_receipts(1).await;
    assert_eq!(receipts[0].message, message);
    assert!(matches!(receipts[0].event, Event::Ended(end) if end.stage == Stage::Delivered));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_from_the_device_is_acknowledged_once_it_is_stored() {
    let world = World::new().await;
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Tcp, device, 1).await;
    link.send(Up { id: 7, topic: "door".to_owned(), payload: "open".into() }).await;
    match link.next().await {
        Some(Frame::UpAck(answer)) => assert_eq!((answer.id, answer.code), (7, UpCode::Stored as i32)),
        other => panic!("no UpAck but {other:?}"),
    }
    assert_eq!(world.ports.upstreams.lock().unwrap()[0].topic, "door");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_goes_on_after_the_address_changed() {
    let world = World::new().await;
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Quic, device, 1).await;
    link.rebind();
    link.send(Ping::default()).await;
    assert!(matches!(link.next().await, Some(Frame::Pong(_))));
    world.push(device, "after the move");
    assert_eq!(link.push().await.seq, 1);
    assert_eq!(world.ports.mailbox_of(device).conn_seq, 1, "the same connection");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_trimmed_before_the_ledger_can_know() {
    let world = World::new().await;
    let device = world.register(1);
    world.push(device, "one");
    let mut link = Raw::join(&world, Transport::Tcp, device, 1).await;
    link.push().await;
    world.ports.is_queue_down.store(true, Ordering::Relaxed);
    link.ack(1).await;
    world.ports.notice(Notice::Trim { device, conn_seq: 1 });
    // Behind the Trim in the same inbox: when it is answered, the Trim has been heard.
    world.push(device, "two");
    assert_eq!(link.push().await.seq, 2);
    assert_eq!(world.ports.mailbox_of(device).lo, 1);
    world.ports.is_queue_down.store(false, Ordering::Relaxed);
    world.ports.until("the trim", |ports| (ports.mailbox_of(device).lo == 2).then_some(())).await;
    assert_eq!(world.ports.receipts().len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_comes_back_to_what_it_has_not_got() {
    let world = World::new().await;
    let device = world.register(1);
    for _ in 0..3 {
        world.push(device, "text");
    }
    let mut link = Raw::join(&world, Transport::Tcp, device, 1).await;
    for seq in 1..=3 {
        assert_eq!(link.push().await.seq, seq);
    }
    drop(link);
    let (mut link, welcome) = Raw::resume(&world, Transport::Quic, device, 2, 2).await;
    assert_eq!((welcome.resumption, welcome.lo, welcome.hi), (Resumption::Resumed as i32, 1, 3));
    assert_eq!(link.push().await.seq, 3);
    assert_eq!(world.until_receipts(2).await.len(), 2, "what it has and never acknowledged is delivered");
    world.stop().await;
}
