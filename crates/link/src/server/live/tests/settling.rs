//! Acks, receipts, trims, and leaving.

use homing_domain::limits::DETACH_AFTER;
use homing_domain::{Reason, Stage};

use super::world::{World, body, closing, effects, ends, message, recorded, trims};
use crate::limits::{TRIM_AFTER, UNRECORDED_MAX};
use crate::server::{Effect, Leaving, StoreFault};

fn leaving_effects(leaving: &mut Leaving) -> Vec<Effect> {
    std::iter::from_fn(|| leaving.poll()).collect()
}

#[test]
fn an_ack_beyond_what_was_sent_breaks_the_protocol() {
    let mut world = World::new();
    world.fill(1);
    let mut live = world.live(1, 0);
    world.ack(&mut live, 2);
    assert_eq!(closing(&effects(&mut live)).unwrap().code, homing_wire::CloseCode::Protocol);
}

#[test]
fn an_ack_is_told_once() {
    let mut world = World::new();
    world.fill(3);
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.ack(&mut live, 2);
    let found = effects(&mut live);
    assert_eq!(ends(&found), [(message(1), Stage::Delivered, None), (message(2), Stage::Delivered, None)]);
    world.ack(&mut live, 2);
    world.ack(&mut live, 1);
    assert!(effects(&mut live).is_empty());
}

#[test]
fn a_trim_waits_for_every_receipt_below_it() {
    let mut world = World::new();
    world.fill(3);
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.ack(&mut live, 1);
    let first = recorded(&effects(&mut live)).0[0];
    world.ack(&mut live, 3);
    let second = recorded(&effects(&mut live)).0[0];
    live.trim_wanted(world.now);
    live.recorded(world.now, second);
    assert!(trims(&effects(&mut live)).is_empty(), "the receipt of 1 is not durable");
    live.recorded(world.now, first);
    assert_eq!(trims(&effects(&mut live)), [(1, 3)]);
}

#[test]
fn a_trim_is_lazy() {
    let mut world = World::new();
    world.fill(2);
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.ack(&mut live, 2);
    for ticket in recorded(&effects(&mut live)).0 {
        live.recorded(world.now, ticket);
    }
    assert!(trims(&effects(&mut live)).is_empty());
    world.now = world.now.plus(TRIM_AFTER);
    live.timeout(world.now);
    assert_eq!(trims(&effects(&mut live)), [(1, 2)]);
    let answer = world.mailbox.trim(1, 1, 2);
    live.trimmed(world.now, answer.map_err(StoreFault::from));
    world.now = world.now.plus(TRIM_AFTER);
    world.send(&mut live, homing_wire::Ping::default());
    live.timeout(world.now);
    assert!(trims(&effects(&mut live)).is_empty(), "nothing changed");
}

#[test]
fn many_acknowledged_entries_are_trimmed_at_once() {
    let mut world = World::new();
    world.fill(20);
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.ack(&mut live, 20);
    for ticket in recorded(&effects(&mut live)).0 {
        live.recorded(world.now, ticket);
    }
    assert_eq!(trims(&effects(&mut live)), [(1, 20)]);
}

#[test]
fn a_queue_that_stands_still_stops_the_link() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    let mut seq = 0;
    while !live.is_congested() {
        for _ in 0..16 {
            seq += 1;
            let mut push = body(0);
            push.message = homing_domain::MessageId::from_bytes([u8::try_from(seq % 251).unwrap(); 16]);
            world.hand_off(&mut live, push, seq);
        }
        effects(&mut live);
        world.ack(&mut live, seq);
        assert!(seq <= u64::try_from(UNRECORDED_MAX).unwrap());
    }
    world.hand_off(&mut live, body(252), seq + 1);
    let found = effects(&mut live);
    assert!(super::world::pushed(&found).is_empty());
    let tickets = recorded(&found).0;
    for ticket in 0..=tickets.last().copied().unwrap_or(u64::MAX).min(32) {
        live.recorded(world.now, ticket);
    }
    assert_eq!(super::world::pushed(&effects(&mut live)), [seq + 1]);
}

#[test]
fn leaving_tells_trims_waits_and_gives_up_with_what_was_sent() {
    let mut world = World::new();
    world.fill(3);
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.ack(&mut live, 1);
    let mut leaving = live.leave(world.now);
    let found = leaving_effects(&mut leaving);
    assert_eq!(ends(&found), [(message(1), Stage::Delivered, None)], "what was not given out yet is now");
    assert!(!leaving.is_finished());
    leaving.recorded(world.now, recorded(&found).0[0]);
    assert_eq!(leaving_effects(&mut leaving), [Effect::Trim { expected_lo: 1, through: 1 }]);
    leaving.trimmed(world.now, world.mailbox.trim(1, 1, 1).map_err(StoreFault::from));
    assert_eq!(leaving.next_timeout(), world.now.plus(DETACH_AFTER));
    world.now = leaving.next_timeout();
    leaving.timeout(world.now);
    assert_eq!(leaving_effects(&mut leaving), [Effect::Detach { sent: 3 }], "2 and 3 may have been seen");
    leaving.detached(world.now, Err(StoreFault::Unavailable));
    world.now = leaving.next_timeout();
    leaving.timeout(world.now);
    assert_eq!(leaving_effects(&mut leaving), [Effect::Detach { sent: 3 }], "asked for again");
    leaving.detached(world.now, world.mailbox.detach(1, 3).map_err(StoreFault::from));
    assert!(leaving.is_finished());
}

#[test]
fn who_is_superseded_gives_nothing_up() {
    let mut world = World::new();
    let live = world.live(1, 0);
    world.live(2, 0);
    let mut leaving = live.leave(world.now);
    world.now = leaving.next_timeout();
    leaving.timeout(world.now);
    let found = leaving_effects(&mut leaving);
    assert_eq!(found, [Effect::Detach { sent: 0 }]);
    leaving.detached(world.now, world.mailbox.detach(1, 0).map_err(StoreFault::from));
    assert!(leaving.is_finished());
    assert!(world.mailbox.route.is_some(), "the newer connection's route stays");

    let mut leaving = world.live(3, 0).leave(world.now);
    leaving.superseded();
    leaving.hurry(world.now);
    assert!(leaving.is_finished() && leaving_effects(&mut leaving).is_empty());
}

#[test]
fn a_tombstone_that_was_told_is_told_again_at_the_next_takeover() {
    let mut world = World::new();
    world.fill(1);
    world.live(1, 0);
    world.mailbox.tombstone(1, &[(1, Reason::TimeToLive)]).unwrap();
    let found = effects(&mut world.live(2, 0));
    assert_eq!(ends(&found), [(message(1), Stage::Expired, Some(Reason::TimeToLive))]);
}
