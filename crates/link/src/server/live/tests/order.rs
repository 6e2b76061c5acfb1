//! Pushes in order, holes only with a Skip, the window.

use bytes::Bytes;
use homing_domain::{PushBody, Reason, Stage, UnixMillis};
use homing_wire::SkipReason;

use super::world::{World, body, closing, effects, ends, message, position_of, pushed, skipped};
use crate::limits::{ACK_LATE_AFTER, GAP_PATIENCE};
use crate::server::Effect;

fn expiring(n: u8, at: u64) -> PushBody {
    PushBody { expires_at: UnixMillis(at), ..body(n) }
}

fn collapsing(n: u8) -> PushBody {
    PushBody { collapse_key: Some("score".to_owned()), ..body(n) }
}

#[test]
fn a_repeated_hand_off_is_sent_once() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    world.push(&mut live, body(1));
    world.hand_off(&mut live, body(1), 1);
    assert_eq!(pushed(&effects(&mut live)), [1]);
    world.ack(&mut live, 1);
    world.hand_off(&mut live, body(1), 1);
    assert_eq!(pushed(&effects(&mut live)), [0_u64; 0]);
}

#[test]
fn hand_offs_that_overtake_each_other_are_put_in_order() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    world.fill(3);
    for seq in [3, 2] {
        world.hand_off(&mut live, body(seq), u64::from(seq));
    }
    assert_eq!(pushed(&effects(&mut live)), [0_u64; 0]);
    world.hand_off(&mut live, body(1), 1);
    let found = effects(&mut live);
    assert_eq!(pushed(&found), [1, 2, 3]);
    assert!(!found.contains(&Effect::ReadMailbox));
}

#[test]
fn a_gap_that_stays_makes_it_read() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    world.fill(2);
    world.hand_off(&mut live, body(2), 2);
    effects(&mut live);
    assert_eq!(live.next_timeout(), world.now.plus(GAP_PATIENCE));
    world.now = live.next_timeout();
    live.timeout(world.now);
    assert_eq!(effects(&mut live), [Effect::ReadMailbox]);
    world.answer_read(&mut live);
    assert_eq!(pushed(&effects(&mut live)), [1, 2]);
}

#[test]
fn a_skip_waits_for_its_tombstone_and_keeps_its_place() {
    let mut world = World::new();
    world.enqueue(&body(1));
    world.enqueue(&expiring(2, 900));
    world.enqueue(&body(3));
    let mut live = world.live(1, 0);
    let found = effects(&mut live);
    assert_eq!((pushed(&found), skipped(&found).len()), (vec![1], 0), "3 must wait, for 2 has no tombstone yet");
    assert_eq!(world.bury(&mut live, &found), [(2, Reason::TimeToLive)]);
    let found = effects(&mut live);
    assert_eq!(ends(&found), [(message(2), Stage::Expired, Some(Reason::TimeToLive))]);
    assert_eq!(skipped(&found), [(2, SkipReason::Expired as i32, 1)]);
    assert_eq!(pushed(&found), [3]);
    let record = position_of(&found, |effect| matches!(effect, Effect::Record { .. }));
    let skip = position_of(&found, |effect| matches!(effect, Effect::Transmit(_)));
    assert!(record < skip, "the ledger is told first");
}

#[test]
fn neighbouring_skips_of_one_reason_are_one() {
    let mut world = World::new();
    for n in 1..=3 {
        world.enqueue(&expiring(n, 900));
    }
    let mut live = world.live(1, 0);
    let found = effects(&mut live);
    world.bury(&mut live, &found);
    assert_eq!(skipped(&effects(&mut live)), [(3, SkipReason::Expired as i32, 3)]);
}

#[test]
fn what_is_marked_while_it_waits_is_skipped_and_what_was_sent_is_not() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    world.push(&mut live, body(1));
    effects(&mut live);
    world.enqueue(&body(2));
    world.mailbox.withdraw(message(1), Reason::Unbound);
    world.mailbox.withdraw(message(2), Reason::Unbound);
    live.reread(world.now);
    world.answer_read(&mut live);
    let found = effects(&mut live);
    assert_eq!(world.bury(&mut live, &found), [(2, Reason::Unbound)]);
    world.ack(&mut live, 1);
    let found = effects(&mut live);
    assert_eq!(
        ends(&found),
        [(message(2), Stage::Suppressed, Some(Reason::Unbound)), (message(1), Stage::Delivered, None)]
    );
}

#[test]
fn only_the_newest_of_a_collapse_key_is_sent() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    for n in 1..=32 {
        world.push(&mut live, body(n));
    }
    world.push(&mut live, collapsing(33));
    world.push(&mut live, collapsing(34));
    let found = effects(&mut live);
    world.ack(&mut live, 32);
    assert_eq!(world.bury(&mut live, &found), [(33, Reason::Collapsed)]);
    let found = effects(&mut live);
    assert_eq!((skipped(&found), pushed(&found)), (vec![(33, SkipReason::Collapsed as i32, 1)], vec![34]));
}

#[test]
fn the_window_closes_and_opens() {
    let mut world = World::new();
    world.fill(40);
    let mut live = world.live(1, 0);
    assert_eq!(pushed(&effects(&mut live)).len(), 32);
    world.ack(&mut live, 1);
    assert_eq!(pushed(&effects(&mut live)), [33]);
}

#[test]
fn a_device_may_ask_for_a_smaller_window() {
    let mut world = World::new();
    world.fill(5);
    let hello = homing_wire::Hello { window: 2, ..World::hello(1, 1, 0) };
    let mut live = world.live_from(&hello).unwrap();
    assert_eq!(pushed(&effects(&mut live)), [1, 2]);
}

#[test]
fn the_window_is_bounded_in_bytes() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    for n in 1..=20 {
        world.push(&mut live, PushBody { payload: Bytes::from(vec![b'x'; 4_096]), ..body(n) });
    }
    assert_eq!(pushed(&effects(&mut live)).len(), 16);
}

#[test]
fn a_link_that_cannot_keep_up_reads_again_instead_of_holding_everything() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    for n in 1..=64 {
        world.push(&mut live, body(n));
    }
    assert_eq!(pushed(&effects(&mut live)).len(), 32);
    for n in 65..=70_u8 {
        world.hand_off(&mut live, body(n), u64::from(n));
    }
    assert!(!effects(&mut live).contains(&Effect::ReadMailbox), "not before there is room");
    world.ack(&mut live, 32);
    let found = effects(&mut live);
    assert_eq!(pushed(&found).len(), 32);
    assert!(found.contains(&Effect::ReadMailbox));
}

#[test]
fn an_ack_that_is_late_ends_the_link() {
    let mut world = World::new();
    world.fill(1);
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.now = world.now.plus(ACK_LATE_AFTER - 1);
    world.send(&mut live, homing_wire::Ping::default());
    live.timeout(world.now);
    assert_eq!(closing(&effects(&mut live)), None);
    world.now = world.now.plus(1);
    live.timeout(world.now);
    assert!(closing(&effects(&mut live)).is_some());
}
