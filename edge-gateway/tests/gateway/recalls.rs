//! Messages that take others back, and messages in several languages.

use bytes::Bytes;
use homing_domain::mailbox::Withdrawn;
use homing_domain::{Ended, Event, Localization, MessageId, Notice, PushBody, Reason, Receipt, Stage, UserHash};
use homing_link::Transport;
use homing_wire::{Recall, SkipReason};

use crate::raw::Raw;
use crate::world::World;

const BOTH: [Transport; 2] = [Transport::Quic, Transport::Tcp];

fn recall(seq: u64, message: MessageId, own: MessageId) -> Recall {
    let id = |id: MessageId| Bytes::copy_from_slice(id.as_bytes());
    Recall { message: id(message), seq, recall: id(own), feed_offset: 0 }
}

fn ends(receipts: &[Receipt]) -> Vec<(MessageId, Stage, Option<Reason>)> {
    let end = |receipt: &Receipt| match receipt.event {
        Event::Ended(Ended { stage, reason, .. }) => Some((receipt.message, stage, reason)),
        Event::Fact(_) => None,
    };
    receipts.iter().filter_map(end).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_taken_back_over_the_link() {
    for transport in BOTH {
        let world = World::new().await;
        let device = world.register(1);
        let mut link = Raw::join(&world, transport, device, 1).await;
        let message = world.push(device, "shown");
        link.push().await;
        link.ack(1).await;
        world.until_receipts(1).await;
        assert!(matches!(world.withdraw(device, message), Withdrawn::Marked { .. }));
        let own = world.push_body(device, world.recall_of(message), true);
        assert_eq!(link.recall().await, recall(2, message, own));
        world.push(device, "and life goes on");
        assert_eq!(link.push().await.seq, 3);
        link.ack(3).await;
        let ends = ends(&world.until_receipts(3).await);
        assert_eq!(ends[..2], [(message, Stage::Delivered, None), (own, Stage::Delivered, None)]);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_away_hears_of_it_when_it_comes_back() {
    for transport in BOTH {
        let world = World::new().await;
        let device = world.register(1);
        let message = world.push(device, "shown");
        let mut link = Raw::join(&world, transport, device, 1).await;
        link.push().await;
        link.ack(1).await;
        world.until_receipts(1).await;
        drop(link);
        world.withdraw(device, message);
        // Its hand-off is lost, or there was nobody to hand it to.
        let own = world.push_body(device, world.recall_of(message), false);
        let (mut link, _) = Raw::resume(&world, transport, device, 2, 1).await;
        assert_eq!(link.recall().await, recall(2, message, own));
        // Not acknowledged: it comes again, on the other transport.
        let other = if transport == Transport::Quic { Transport::Tcp } else { Transport::Quic };
        let (mut link, _) = Raw::resume(&world, other, device, 3, 1).await;
        assert_eq!(link.recall().await.seq, 2);
        link.ack(2).await;
        world.ports.until("its end", |ports| ends(&ports.receipts()).iter().find(|end| end.0 == own).copied()).await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pending_is_skipped_and_nothing_is_shown() {
    let world = World::new().await;
    let device = world.register(1);
    let message = world.push(device, "never shown");
    assert_eq!(world.withdraw(device, message), Withdrawn::Tombstoned);
    world.push(device, "shown");
    let mut link = Raw::join(&world, Transport::Quic, device, 1).await;
    let skip = link.skip().await;
    assert_eq!((skip.to_seq, skip.reason), (1, SkipReason::Recalled as i32));
    assert_eq!(link.push().await.seq, 2);
    let told = ends(&world.until_receipts(1).await);
    assert_eq!(told, [(message, Stage::Recalled, Some(Reason::Recalled))]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_behind_a_full_window_is_withdrawn_by_the_gateway() {
    let world = World::new().await;
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Tcp, device, 1).await;
    for _ in 0..32 {
        world.push(device, "fills the window");
    }
    link.push_number(32).await;
    let message = world.push(device, "waits");
    assert!(matches!(world.withdraw(device, message), Withdrawn::Marked { .. }));
    let own = world.push_body(device, world.recall_of(message), true);
    let is_recalled = |end: &&(MessageId, Stage, Option<Reason>)| end.0 == message;
    let end = world.ports.until("its end", |ports| ends(&ports.receipts()).iter().find(is_recalled).copied()).await;
    assert_eq!(end, (message, Stage::Recalled, Some(Reason::Recalled)));
    link.ack(32).await;
    let skip = link.skip().await;
    assert_eq!((skip.to_seq, skip.reason), (33, SkipReason::Recalled as i32));
    assert_eq!(link.recall().await, recall(34, message, own));
    world.stop().await;
}

/// What is addressed to the old user does not reach the new one: not the message, and not that there was one.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_unbind_the_device_hears_of_no_recall() {
    let world = World::new().await;
    let device = world.register(1);
    let alice = Some(UserHash(7));
    let bind = |user| world.ports.mailboxes.lock().unwrap().get_mut(&device).unwrap().bind(user);
    bind(alice);
    let mut link = Raw::join(&world, Transport::Quic, device, 1).await;
    let message = world.push_to(device, alice, world.body("for alice"), true);
    link.push().await;
    link.ack(1).await;
    world.until_receipts(1).await;
    world.withdraw(device, message);
    // The recall is in the mailbox, its hand-off under way, and the device changes hands.
    let own = world.push_to(device, alice, world.recall_of(message), false);
    let rebound = bind(None);
    let conn_seq = rebound.route.unwrap().conn_seq;
    world.ports.notice(Notice::Reread { device, conn_seq });
    let skip = link.skip().await;
    assert_eq!((skip.to_seq, skip.reason), (2, SkipReason::Unbound as i32));
    let is_own = |end: &&(MessageId, Stage, Option<Reason>)| end.0 == own;
    let end = world.ports.until("its end", |ports| ends(&ports.receipts()).iter().find(is_own).copied()).await;
    assert_eq!(end, (own, Stage::Suppressed, Some(Reason::Unbound)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_gets_the_language_that_was_chosen_for_it() {
    let world = World::new().await;
    let text = |text: &str| Bytes::from(text.repeat(300));
    let body = PushBody { payload: text("a"), ..world.body("") };
    let localization =
        |language: &str, letter: &str| Localization { language: language.to_owned(), payload: text(letter) };
    world.store(&body, vec![localization("de", "ä"), localization("zh", "好")]);
    for (n, variant, expected) in [(1, 0, "a"), (2, 2, "好"), (3, 1, "ä"), (4, 2, "好"), (5, 9, "a")] {
        let device = world.register(n);
        world.push_variant(device, &body, variant);
        let mut link = Raw::join(&world, BOTH[n as usize % 2], device, 1).await;
        assert_eq!(link.push().await.payload, text(expected), "device {n}");
    }
    world.stop().await;
}
