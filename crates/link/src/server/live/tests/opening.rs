//! The first moment: RESUMED or RESET, and what the cursor says.

use homing_domain::{Reason, Stage, UnixMillis};
use homing_wire::{CloseCode, Frame, Hello, Ping, Resumption, SkipReason};

use super::world::{World, body, closing, effects, ends, frames, message, pushed, skipped, trims};
use crate::server::Effect;

fn resumption(found: &[Effect]) -> (i32, u64, u64, u64) {
    match frames(found).first() {
        Some(Frame::Welcome(welcome)) => (welcome.resumption, welcome.epoch, welcome.lo, welcome.hi),
        other => panic!("no Welcome first but {other:?}"),
    }
}

#[test]
fn everything_after_the_cursor_is_replayed_in_order() {
    let mut world = World::new();
    world.fill(5);
    let found = effects(&mut world.live(1, 2));
    assert_eq!(resumption(&found), (Resumption::Resumed as i32, 1, 1, 5));
    assert_eq!(pushed(&found), [3, 4, 5]);
    // What it has and no tombstone is delivered.
    assert_eq!(ends(&found), [(message(1), Stage::Delivered, None), (message(2), Stage::Delivered, None)]);
}

#[test]
fn a_cursor_below_the_hole_is_reset_and_not_resumed() {
    let mut world = World::new();
    world.fill(5);
    world.live(1, 0);
    world.mailbox.trim(1, 1, 3).unwrap();
    for (last_seq, expected) in
        [(3, Resumption::Resumed), (5, Resumption::Resumed), (2, Resumption::Reset), (0, Resumption::Reset)]
    {
        let number = world.mailbox.conn_seq + 1;
        let found = effects(&mut world.live(number, last_seq));
        assert_eq!(resumption(&found), (expected as i32, 1, 4, 5), "{last_seq}");
        if expected == Resumption::Reset {
            assert_eq!(pushed(&found), [4, 5]);
        }
    }
}

#[test]
fn a_cursor_beyond_the_mailbox_or_of_another_life_is_reset() {
    let mut world = World::new();
    world.fill(2);
    for (number, epoch, last_seq) in [(1, 1, 3), (2, 1, u64::MAX), (3, 9, 1)] {
        let mut live = world.live_from(&World::hello(number, epoch, last_seq)).unwrap();
        let found = effects(&mut live);
        assert_eq!(resumption(&found), (Resumption::Reset as i32, 1, 1, 2));
        assert_eq!(pushed(&found), [1, 2]);
        assert!(ends(&found).is_empty(), "nothing of this life is known to be there");
    }
}

#[test]
fn what_the_device_has_is_delivered_even_if_it_was_marked_and_a_tombstone_is_not() {
    let mut world = World::new();
    world.fill(3);
    world.live(1, 0);
    world.mailbox.tombstone(1, &[(2, Reason::TimeToLive)]).unwrap();
    world.mailbox.withdraw(message(1), Reason::Recalled);
    let found = effects(&mut world.live(2, 3));
    assert_eq!(
        ends(&found),
        [
            (message(1), Stage::Delivered, None),
            (message(2), Stage::Expired, Some(Reason::TimeToLive)),
            (message(3), Stage::Delivered, None)
        ]
    );
    assert!(trims(&found).is_empty(), "not before these receipts are durable");
}

#[test]
fn a_merged_overflow_is_one_skip_over_all_its_seqs() {
    let mut world = World::new();
    world.fill(64);
    world.mailbox.overflow();
    let told: Vec<_> = (1..=32).map(message).collect();
    world.mailbox.merge_overflow(&told);
    let found = effects(&mut world.live(1, 0));
    assert_eq!(skipped(&found), [(32, SkipReason::Overflow as i32, 32)]);
    assert_eq!(pushed(&found).first(), Some(&33));
    // A cursor within it goes on from there.
    let found = effects(&mut world.live(2, 30));
    assert_eq!(skipped(&found), [(32, SkipReason::Overflow as i32, 2)]);
}

#[test]
fn another_app_s_mailbox_is_refused() {
    let mut world = World::new();
    let hello = Hello { app: "other".to_owned(), ..World::hello(1, 1, 0) };
    assert_eq!(world.live_from(&hello).unwrap_err().code, CloseCode::Authentication);
}

#[test]
fn refused_takeovers_say_why() {
    let mut world = World::new();
    world.live(5, 0);
    let stale = world.live_from(&World::hello(5, 1, 0));
    // The same number from the same gateway is a repeat for the store; the registry refuses it before that.
    assert!(stale.is_ok());
    let stale = world.live_from(&World::hello(4, 1, 0)).unwrap_err();
    assert_eq!((stale.code, stale.detail), (CloseCode::StaleConnection, 5));
    world.mailbox.revoke();
    assert_eq!(world.live_from(&World::hello(6, 1, 0)).unwrap_err().code, CloseCode::Revoked);
}

#[test]
fn hand_offs_that_came_during_the_takeover_are_not_lost() {
    let mut world = World::new();
    let mut greeting = crate::server::Greeting::new(world.now, crate::Transport::Quic);
    let claim = greeting.receive(&super::world::bytes(World::hello(1, 1, 0))).unwrap().unwrap();
    let mut joining = greeting.identify(claim);
    let mut takeover = joining.takeover(super::world::GATEWAY, UnixMillis(1));
    takeover.credential_generation = 1;
    let taken_over = world.mailbox.take_over(takeover).unwrap();
    // The store's answer is still under way.
    world.enqueue(&body(1));
    let target =
        homing_domain::HandOffTarget { device: super::world::DEVICE, conn_seq: 1, seq: 1, enqueued_at: world.now };
    joining.hand_off(std::sync::Arc::new(body(1)), target);
    let mut live = joining.welcome(world.now, taken_over, &homing_domain::HeartbeatSettings::default()).unwrap();
    assert_eq!(pushed(&effects(&mut live)), [1]);
}

#[test]
fn too_many_of_them_become_a_read() {
    let mut world = World::new();
    let mut greeting = crate::server::Greeting::new(world.now, crate::Transport::Quic);
    let claim = greeting.receive(&super::world::bytes(World::hello(1, 1, 0))).unwrap().unwrap();
    let mut joining = greeting.identify(claim);
    let mut takeover = joining.takeover(super::world::GATEWAY, UnixMillis(1));
    takeover.credential_generation = 1;
    let taken_over = world.mailbox.take_over(takeover).unwrap();
    for seq in 1..=40_u8 {
        world.enqueue(&body(seq));
        let (device, now) = (super::world::DEVICE, world.now);
        let target = homing_domain::HandOffTarget { device, conn_seq: 1, seq: u64::from(seq), enqueued_at: now };
        joining.hand_off(std::sync::Arc::new(body(seq)), target);
    }
    let mut live = joining.welcome(world.now, taken_over, &homing_domain::HeartbeatSettings::default()).unwrap();
    let found = effects(&mut live);
    assert_eq!(pushed(&found).len(), 32);
    assert!(found.contains(&Effect::ReadMailbox));
    world.answer_read(&mut live);
    world.ack(&mut live, 32);
    assert_eq!(pushed(&effects(&mut live)), [33, 34, 35, 36, 37, 38, 39, 40]);
}

#[test]
fn a_frame_behind_the_hello_is_answered() {
    let mut world = World::new();
    let mut greeting = crate::server::Greeting::new(world.now, crate::Transport::Tcp);
    let mut bytes = super::world::bytes(World::hello(1, 1, 0));
    bytes.extend_from_slice(&super::world::bytes(Ping::default()));
    let claim = greeting.receive(&bytes).unwrap().unwrap();
    let joining = greeting.identify(claim);
    let mut takeover = joining.takeover(super::world::GATEWAY, UnixMillis(1));
    takeover.credential_generation = 1;
    let taken_over = world.mailbox.take_over(takeover).unwrap();
    let mut live = joining.welcome(world.now, taken_over, &homing_domain::HeartbeatSettings::default()).unwrap();
    let found = effects(&mut live);
    assert!(matches!(frames(&found)[..], [Frame::Welcome(_), Frame::Pong(_)]));
    assert_eq!(closing(&found), None);
}
