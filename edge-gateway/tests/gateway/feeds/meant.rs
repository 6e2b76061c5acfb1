//! Who gets what.

use homing_wire::{Ack, FactKind, FactReceipt};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_gets_what_it_is_meant_to_get() {
    let world = World::new().await;
    let tagged = |device: &mut Device| device.tags = vec!["gold".to_owned()];
    let devices = [
        world.register_as(1, tagged),
        world.register_as(2, |_| {}),
        world.register_as(3, |device| {
            tagged(device);
            device.created_at = RELEASED_AT.plus(1);
        }),
        world.register_as(4, |device| {
            tagged(device);
            device.lanes = vec![LaneChange { at: RELEASED_AT, to: Lane::Pages }];
        }),
        world.register_as(5, |device| {
            tagged(device);
            device.profile.notifications_enabled = false;
        }),
    ];
    let mut links = Vec::new();
    for (n, id) in devices.iter().enumerate() {
        links.push(Raw::join_feed(&world, BOTH[n % 2], *id, 1, 0).await);
    }
    let gold = world.broadcast_unhinted("for gold", |message| {
        message.audience = Audience::Expression("gold".parse().unwrap());
    });
    let silent = world.broadcast_unhinted("silent", |message| message.options.silent = true);
    let all = world.broadcast("for all");
    let expected: [&[_]; 5] = [&[(1, gold), (2, silent), (3, all)], &[(2, silent), (3, all)], &[], &[], &[(2, silent)]];
    for (n, (link, expected)) in links.iter_mut().zip(expected).enumerate() {
        link.expect_feed(expected).await;
        if let Some((last, _)) = expected.last() {
            link.ack_feed(*last).await;
        }
        world.push(devices[n], "a mark");
        assert_eq!(link.push().await.seq, 1, "device {} gets no more", n + 1);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_tells_how_far_nothing_is_for_the_device() {
    let world = World::new().await;
    let new = world.register_as(1, |device| device.created_at = RELEASED_AT.plus(1));
    for _ in 0..3 {
        world.broadcast("before its time");
    }
    let mut link = Raw::join_feed(&world, Transport::Tcp, new, 1, 0).await;
    let mut told = 0;
    // Its answer of the feed may be under way: a push goes there and back before each question.
    for seq in 1.. {
        world.push(new, "a mark");
        link.push_number(seq).await;
        link.ack(seq).await;
        told = link.ask_place().await;
        if told > 0 {
            break;
        }
        // So that heartbeats are not too many.
        world.ports.ahead.fetch_add(500, Ordering::Relaxed);
    }
    assert_eq!(told, 3);
    let meant = world.broadcast_unhinted("now it is", |message| message.releasing_at = Some(RELEASED_AT.plus(1)));
    world.hint(app());
    link.expect_feed(&[(4, meant)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_missed_in_a_long_time_costs_one_read_of_its_row() {
    const FOR_OTHERS: FeedOffset = 600;
    let world = World::new().await;
    let (first, second) = (world.register_whole(1), world.register_whole(2));
    for _ in 0..FOR_OTHERS {
        world.broadcast_unhinted("for gold", |message| {
            message.audience = Audience::Expression("gold".parse().unwrap());
        });
    }
    let all = world.broadcast("for all");
    for (id, rows) in [(first, 1), (second, 2)] {
        let mut link = Raw::join_feed(&world, Transport::Tcp, id, 1, 0).await;
        link.expect_feed(&[(FOR_OTHERS + 1, all)]).await;
        assert_eq!(world.ports.device_reads.load(Ordering::Relaxed), rows);
        assert_eq!(u64::from(world.ports.message_reads.load(Ordering::Relaxed)), FOR_OTHERS + 1, "once for both");
    }
    world.stop().await;
}

/// The last release's SDK: it knows a message by its id, and says that it has it by a receipt.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_keeps_no_place_gets_it_as_now_or_never() {
    let world = World::new().await;
    let id = world.register_whole(1);
    let messages = [world.broadcast("one"), world.broadcast("two")];
    for conn_seq in 1..=2 {
        let mut link = Raw::join(&world, BOTH[conn_seq as usize % 2], id, conn_seq).await;
        let mut receipts = Vec::new();
        for message in messages {
            let push = link.push().await;
            assert_eq!((push.seq, push.feed_offset, &push.message[..]), (0, 0, &message.as_bytes()[..]));
            receipts.push(FactReceipt { message: push.message, kind: FactKind::Received as i32, at_ms: 1 });
        }
        link.send(Ack { seq: 0, receipts, feed_offset: 0 }).await;
        assert_eq!(link.ask_place().await, 0);
    }
    let ports = std::sync::Arc::clone(&world.ports);
    world.stop().await;
    assert_eq!((ports.receipts().len(), ports.feed_counts().len()), (0, 0), "nobody knows how often it says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_row_gets_nothing() {
    let world = World::new().await;
    let id = world.register(1);
    world.broadcast("text");
    let mut link = Raw::join_feed(&world, Transport::Quic, id, 1, 0).await;
    world.ports.until("its row", |ports| (ports.device_reads.load(Ordering::Relaxed) > 0).then_some(())).await;
    world.push(id, "a mark");
    assert_eq!(link.push().await.seq, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_gets_its_language() {
    let world = World::new().await;
    let german = world.register_as(1, |device| device.profile.locale = Some("de-AT".to_owned()));
    let other = world.register_whole(2);
    world.broadcast_unhinted("hello", |message| {
        message.localizations = vec![Localization { language: "de".to_owned(), payload: Bytes::from("hallo") }];
    });
    for (id, text) in [(german, "hallo"), (other, "hello")] {
        let mut link = Raw::join_feed(&world, Transport::Tcp, id, 1, 0).await;
        assert_eq!(link.push().await.payload, text);
    }
    world.stop().await;
}
