//! The lane of the app's feed beside the mailbox.

use std::sync::Arc;

use bytes::Bytes;
use homing_domain::mailbox::Fenced;
use homing_domain::{MessageId, PushBody, UnixMillis};
use homing_wire::{Ack, CloseCode, FactKind, FactReceipt, Frame, Hello, Ping};

use super::world::{World, body, closing, effects, ends, frames, message, pushed};
use crate::limits::{ACK_LATE_AFTER, STORE_RETRY_AFTER};
use crate::server::{Effect, FeedPage, Live, StoreFault};

/// A device that has come to this offset, and its link, which has asked for what follows.
fn live_at(feed_offset: u64) -> (World, Live) {
    live_from(Hello { feed_offset, ..World::hello(1, 1, 0) })
}

fn live_from(hello: Hello) -> (World, Live) {
    let mut world = World::new();
    let live = world.live_from(&Hello { reads_feed: true, ..hello }).unwrap();
    (world, live)
}

/// A device of the last release.
fn older() -> (World, Live) {
    let mut world = World::new();
    let mut live = world.live_from(&Hello { feed_offset: 77, ..World::hello(1, 1, 0) }).unwrap();
    assert_eq!(reads(&effects(&mut live)), [0], "it starts anew on each link");
    (world, live)
}

/// The message at offset `n` is message `n`.
fn page(through: u64, pushes: impl IntoIterator<Item = PushBody>) -> FeedPage {
    let offset = |body: &PushBody| u64::from(body.message.as_bytes()[0]);
    FeedPage { through, pushes: pushes.into_iter().map(|body| (offset(&body), Arc::new(body))).collect() }
}

fn bodies(numbers: std::ops::RangeInclusive<u8>) -> impl Iterator<Item = PushBody> {
    numbers.map(body)
}

/// Answers the read that is under way.
fn answer(world: &World, live: &mut Live, page: FeedPage) -> Vec<Effect> {
    live.feed(world.now, Ok(page));
    effects(live)
}

fn acked(world: &World, live: &mut Live, feed_offset: u64) -> Vec<Effect> {
    world.send(live, Ack { feed_offset, ..Ack::default() });
    effects(live)
}

/// Where reads of the feed begin.
fn reads(effects: &[Effect]) -> Vec<u64> {
    let after = |effect: &Effect| match effect {
        Effect::ReadFeed { after, .. } => Some(*after),
        _ => None,
    };
    effects.iter().filter_map(after).collect()
}

/// The offsets of pushes.
fn fed(effects: &[Effect]) -> Vec<u64> {
    let offset = |frame: Frame| match frame {
        Frame::Push(push) if push.seq == 0 => Some(push.feed_offset),
        _ => None,
    };
    frames(effects).into_iter().filter_map(offset).collect()
}

fn counted(effects: &[Effect]) -> Vec<MessageId> {
    let messages = |effect: &Effect| match effect {
        Effect::CountFeed(messages) => Some(messages.clone()),
        _ => None,
    };
    effects.iter().filter_map(messages).flatten().collect()
}

/// What the next Pong says.
fn told(world: &World, live: &mut Live) -> u64 {
    world.send(live, Ping::default());
    match &frames(&effects(live))[..] {
        [Frame::Pong(pong)] => pong.feed_offset,
        other => panic!("{other:?}"),
    }
}

fn code(effects: &[Effect]) -> Option<CloseCode> {
    closing(effects).map(|closing| closing.code)
}

fn received(n: u8) -> Ack {
    let message = Bytes::copy_from_slice(message(n).as_bytes());
    Ack { receipts: vec![FactReceipt { message, kind: FactKind::Received as i32, at_ms: 5 }], ..Ack::default() }
}

#[test]
fn it_is_read_from_where_the_device_is_and_goes_on_from_where_the_page_ended() {
    let (world, mut live) = live_at(3);
    assert_eq!(reads(&effects(&mut live)), [3]);
    let found = answer(&world, &mut live, page(9, bodies(5..=6)));
    assert_eq!((fed(&found), reads(&found)), (vec![5, 6], vec![]), "a page that was not cut is the last");
    let found = acked(&world, &mut live, 6);
    assert_eq!((counted(&found), ends(&found)), (vec![message(5), message(6)], vec![]));
    live.feed_grew(world.now);
    assert_eq!(reads(&effects(&mut live)), [9]);
    let found = answer(&world, &mut live, page(9, bodies(5..=6)));
    assert_eq!(fed(&found), [0; 0], "what was passed does not come again");
    assert_eq!(counted(&acked(&world, &mut live, 6)), [], "nor is it counted again");
}

#[test]
fn an_ack_of_what_the_device_cannot_know_breaks_the_protocol() {
    for (offset, expected) in [(6, None), (7, Some(CloseCode::Protocol)), (9, Some(CloseCode::Protocol))] {
        let (world, mut live) = live_at(3);
        answer(&world, &mut live, page(9, bodies(5..=6)));
        assert_eq!(code(&acked(&world, &mut live, offset)), expected, "{offset}");
    }
    let (world, mut live) = older();
    assert_eq!(code(&acked(&world, &mut live, 1)), Some(CloseCode::Protocol), "it keeps none");
}

#[test]
fn a_pong_tells_how_far_nothing_was_for_the_device_once_all_is_acknowledged() {
    let (world, mut live) = live_at(3);
    answer(&world, &mut live, page(9, bodies(5..=6)));
    assert_eq!(told(&world, &mut live), 0, "what is under way comes first");
    acked(&world, &mut live, 5);
    assert_eq!(told(&world, &mut live), 0);
    acked(&world, &mut live, 6);
    assert_eq!([told(&world, &mut live), told(&world, &mut live)], [9, 0], "once");
    assert_eq!(code(&acked(&world, &mut live, 9)), None, "it may be acknowledged then");
    let (world, mut live) = older();
    answer(&world, &mut live, page(9, []));
    assert_eq!(told(&world, &mut live), 0, "an older device would not understand");
}

#[test]
fn the_mailbox_goes_first_and_both_share_one_window() {
    let mut world = World::new();
    world.fill(2);
    let hello = Hello { window: 4, reads_feed: true, ..World::hello(1, 1, 0) };
    let mut live = world.live_from(&hello).unwrap();
    assert_eq!(pushed(&effects(&mut live)), [1, 2]);
    assert_eq!(fed(&answer(&world, &mut live, page(19, bodies(11..=13)))), [11, 12]);
    world.push(&mut live, body(3));
    assert_eq!(frames(&effects(&mut live)), []);
    let found = acked(&world, &mut live, 11);
    assert_eq!((pushed(&found), fed(&found)), (vec![3], vec![]), "the one place goes to the mailbox");
    world.ack(&mut live, 3);
    assert_eq!(fed(&effects(&mut live)), [13]);
}

#[test]
fn their_bytes_count_together_and_one_alone_always_fits() {
    let large = |n| PushBody { payload: Bytes::from(vec![b'x'; 40_000]), ..body(n) };
    let (mut world, mut live) = live_at(0);
    effects(&mut live);
    assert_eq!(fed(&answer(&world, &mut live, page(2, [large(1), large(2)]))), [1]);
    world.push(&mut live, large(9));
    assert_eq!(frames(&effects(&mut live)), [], "the mailbox waits for the feed's bytes");
    assert_eq!(pushed(&acked(&world, &mut live, 1)), [1], "and the feed for the mailbox");
    world.ack(&mut live, 1);
    assert_eq!(fed(&effects(&mut live)), [2]);
}

#[test]
fn a_page_that_was_cut_is_read_on_when_there_is_room_again() {
    let (world, mut live) = live_from(Hello { window: 2, ..World::hello(1, 1, 0) });
    assert!(effects(&mut live).contains(&Effect::ReadFeed { after: 0, limit: 2 }));
    let found = answer(&world, &mut live, page(5, bodies(4..=5)));
    assert_eq!((fed(&found), reads(&found)), (vec![4, 5], vec![]));
    let found = acked(&world, &mut live, 4);
    assert_eq!(reads(&found), [5]);
    assert_eq!(fed(&answer(&world, &mut live, page(8, bodies(7..=7)))), [7]);
    assert_eq!(reads(&acked(&world, &mut live, 7)), [0; 0]);
}

#[test]
fn a_stop_takes_away_what_is_not_sent_and_what_is_being_read() {
    let (world, mut live) = live_from(Hello { window: 1, ..World::hello(1, 1, 0) });
    effects(&mut live);
    assert_eq!(fed(&answer(&world, &mut live, page(3, bodies(1..=3)))), [1]);
    live.feed_grew(world.now);
    assert_eq!(reads(&acked(&world, &mut live, 1)), [1], "2 and 3 are read again");
    live.feed_grew(world.now);
    live.feed_grew(world.now);
    assert_eq!(reads(&effects(&mut live)), [0; 0], "one at a time");
    let found = answer(&world, &mut live, page(3, bodies(2..=3)));
    assert_eq!((fed(&found), reads(&found)), (vec![], vec![1]), "it may have been stopped meanwhile");
    assert_eq!(fed(&answer(&world, &mut live, page(4, bodies(3..=3)))), [3]);
    assert_eq!(told(&world, &mut live), 0);
    acked(&world, &mut live, 3);
    assert_eq!(told(&world, &mut live), 4);
}

#[test]
fn a_store_that_does_not_answer_is_asked_again_later() {
    let (mut world, mut live) = live_at(3);
    effects(&mut live);
    live.feed(world.now, Err(StoreFault::Unavailable));
    assert_eq!(effects(&mut live), []);
    assert_eq!(live.next_timeout(), world.now.plus(STORE_RETRY_AFTER));
    world.now = world.now.plus(STORE_RETRY_AFTER);
    live.timeout(world.now);
    assert_eq!(reads(&effects(&mut live)), [3]);
    live.feed(world.now, Err(Fenced { current: 5 }.into()));
    assert_eq!(code(&effects(&mut live)), Some(CloseCode::Superseded));
}

#[test]
fn a_late_ack_ends_the_link_whichever_lane_it_is_of() {
    let (mut world, mut live) = live_at(0);
    answer(&world, &mut live, page(2, bodies(1..=2)));
    let late = world.now.plus(ACK_LATE_AFTER);
    world.now = world.now.plus(9);
    world.push(&mut live, body(9));
    effects(&mut live);
    assert_eq!(live.next_timeout(), late);
    acked(&world, &mut live, 2);
    assert_eq!(live.next_timeout(), late.plus(9), "then the mailbox's");
    world.ack(&mut live, 1);
    live.feed_grew(world.now);
    answer(&world, &mut live, page(3, bodies(3..=3)));
    world.now = world.now.plus(ACK_LATE_AFTER);
    live.timeout(world.now);
    assert_eq!(code(&effects(&mut live)), Some(CloseCode::Idle));
}

#[test]
fn what_expires_while_it_waits_is_passed_over() {
    let (mut world, mut live) = live_from(Hello { window: 1, ..World::hello(1, 1, 0) });
    let short = PushBody { expires_at: UnixMillis(2_000), ..body(2) };
    effects(&mut live);
    assert_eq!(fed(&answer(&world, &mut live, page(3, [body(1), short]))), [1]);
    world.now = UnixMillis(2_000);
    let found = acked(&world, &mut live, 1);
    assert_eq!((fed(&found), reads(&found)), (vec![], vec![3]), "the page was cut at its limit");
    answer(&world, &mut live, page(3, []));
    assert_eq!(told(&world, &mut live), 3);
}

#[test]
fn a_recall_has_a_frame_of_its_own_and_takes_no_bytes() {
    let recall = PushBody { recalls: Some(message(1)), ..body(2) };
    let (world, mut live) = live_at(0);
    effects(&mut live);
    let found = frames(&answer(&world, &mut live, page(2, [recall.clone()])));
    let [Frame::Recall(frame)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((frame.seq, frame.feed_offset), (0, 2));
    assert_eq!((&frame.message[..], &frame.recall[..]), (&[1; 16][..], &[2; 16][..]));
    assert_eq!(live.feed.unacknowledged(), (1, 0));
    assert_eq!(counted(&acked(&world, &mut live, 2)), [message(2)]);
    // A device of the last release does not acknowledge one without a number.
    let (world, mut live) = older();
    let found = answer(&world, &mut live, page(2, [recall]));
    assert!(matches!(&frames(&found)[..], [Frame::Recall(frame)] if frame.feed_offset == 0));
    assert_eq!(live.feed.unacknowledged(), (0, 0));
}

#[test]
fn a_device_of_the_last_release_acknowledges_by_ids_and_is_not_counted() {
    let (mut world, mut live) = older();
    let found = answer(&world, &mut live, page(3, bodies(1..=3)));
    assert_eq!(fed(&found), [0, 0, 0], "as if they were now or never");
    // Out of order, and the first once more.
    for n in [2, 1, 1] {
        world.send(&mut live, received(n));
        assert_eq!(effects(&mut live), [], "neither recorded nor counted");
    }
    assert_eq!(live.feed.unacknowledged(), (1, 2));
    world.now = world.now.plus(ACK_LATE_AFTER);
    live.timeout(world.now);
    assert_eq!(code(&effects(&mut live)), Some(CloseCode::Idle), "the third is late");
}

#[test]
fn what_it_has_from_an_earlier_link_is_not_sent_again() {
    let mut world = World::new();
    let mut live = world.live_from(&Hello { window: 1, ..World::hello(1, 1, 0) }).unwrap();
    effects(&mut live);
    assert_eq!(fed(&answer(&world, &mut live, page(2, bodies(1..=2)))), [0]);
    world.send(&mut live, received(2));
    world.send(&mut live, received(1));
    assert_eq!((fed(&effects(&mut live)), live.feed.unacknowledged()), (vec![], (0, 0)));
    // What is not of the feed was sent as now or never, and is told.
    world.send(&mut live, received(9));
    assert_eq!(ends(&effects(&mut live)).len(), 1);
}

#[test]
fn counts_outlive_the_link_and_an_idle_lane_keeps_no_queue() {
    let (world, mut live) = live_at(0);
    answer(&world, &mut live, page(1, bodies(1..=1)));
    world.send(&mut live, Ack { feed_offset: 1, ..Ack::default() });
    assert!(size_of_val(&live.feed) <= 112, "each link pays for it: {} bytes", size_of_val(&live.feed));
    assert_eq!(live.feed.queue_capacity(), 0);
    let mut leaving = live.leave(world.now);
    assert_eq!(leaving.poll(), Some(Effect::CountFeed(vec![message(1)])));
}
