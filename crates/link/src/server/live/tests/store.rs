//! Store calls that fail, and fences.

use bytes::Bytes;
use homing_domain::mailbox::{Fenced, Takeover};
use homing_domain::{PushBody, Reason, UnixMillis};
use homing_wire::{CloseCode, Frame};

use super::world::{GATEWAY, World, body, closing, effects, frames, message, pushed, skipped};
use crate::limits::{REREAD_EVERY, STORE_RETRY_AFTER};
use crate::server::{Closing, Effect, StoreFault};

#[test]
fn a_call_that_failed_is_made_again_later() {
    let mut world = World::new();
    world.enqueue(&PushBody { expires_at: UnixMillis(900), ..body(1) });
    let mut live = world.live(1, 0);
    let first = effects(&mut live);
    assert!(first.contains(&Effect::Tombstone(vec![(1, Reason::TimeToLive)])));
    live.tombstoned(world.now, Err(StoreFault::Unavailable));
    assert!(effects(&mut live).is_empty());
    assert_eq!(live.next_timeout(), world.now.plus(STORE_RETRY_AFTER));
    world.now = live.next_timeout();
    live.timeout(world.now);
    let again = effects(&mut live);
    assert_eq!(world.bury(&mut live, &again), [(1, Reason::TimeToLive)]);
    assert_eq!(skipped(&effects(&mut live)).len(), 1);
}

#[test]
fn a_long_body_is_fetched_and_keeps_its_place() {
    let mut world = World::new();
    let long = PushBody { payload: Bytes::from(vec![b'x'; 600]), ..body(1) };
    world.enqueue(&long);
    world.enqueue(&body(2));
    let mut live = world.live(1, 0);
    let found = effects(&mut live);
    assert!(found.contains(&Effect::FetchBody { message: message(1), variant: 0 }) && pushed(&found).is_empty());
    live.body(world.now, message(1), Ok(Some(&long)));
    let found = effects(&mut live);
    assert_eq!(pushed(&found), [1, 2]);
    assert!(matches!(&frames(&found)[0], Frame::Push(push) if push.payload == long.payload));
}

#[test]
fn a_body_that_is_gone_has_expired() {
    let mut world = World::new();
    world.enqueue(&PushBody { payload: Bytes::from(vec![b'x'; 600]), ..body(1) });
    let mut live = world.live(1, 0);
    effects(&mut live);
    live.body(world.now, message(1), Ok(None));
    assert_eq!(effects(&mut live), [Effect::Tombstone(vec![(1, Reason::TimeToLive)])]);
}

#[test]
fn a_fenced_link_ends_whatever_it_was_doing() {
    let fenced = StoreFault::Fenced(Fenced { current: 9 });
    type Answer = fn(&mut crate::server::Live, UnixMillis, StoreFault);
    let answers: [Answer; 4] = [
        |live, now, fault| live.tombstoned(now, Err(fault)),
        |live, now, fault| live.trimmed(now, Err(fault)),
        |live, now, fault| live.mailbox(now, Err(fault)),
        |live, now, fault| live.body(now, message(1), Err(fault)),
    ];
    for answer in answers {
        let mut live = World::new().live(1, 0);
        answer(&mut live, UnixMillis(1_000), fenced);
        assert_eq!(closing(&effects(&mut live)), Some(Closing::superseded(9)));
    }
    let mut live = World::new().live(1, 0);
    live.trimmed(UnixMillis(1_000), Err(StoreFault::Fenced(Fenced { current: 1 })));
    assert_eq!(closing(&effects(&mut live)).unwrap().code, CloseCode::Revoked, "its own number: it is revoked");
}

#[test]
fn a_read_shows_a_takeover_elsewhere_and_a_revocation() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    world
        .mailbox
        .take_over(Takeover { gateway: GATEWAY, conn_seq: 2, credential_generation: 1, now: UnixMillis(0) })
        .unwrap();
    live.reread(world.now);
    world.answer_read(&mut live);
    assert_eq!(closing(&effects(&mut live)), Some(Closing::superseded(2)));

    let mut live = world.live(3, 0);
    world.mailbox.revoke();
    world.answer_read(&mut live);
    assert_eq!(closing(&effects(&mut live)).unwrap().code, CloseCode::Revoked);
}

#[test]
fn a_hand_off_of_a_larger_number_ends_the_link_and_of_a_smaller_one_is_not_used() {
    let mut world = World::new();
    let mut live = world.live(5, 0);
    effects(&mut live);
    let target = |conn_seq, seq| homing_domain::HandOffTarget {
        device: super::world::DEVICE,
        conn_seq,
        seq,
        enqueued_at: UnixMillis(0),
    };
    live.hand_off(world.now, &std::sync::Arc::new(body(1)), target(4, 1));
    assert!(effects(&mut live).is_empty());
    live.hand_off(world.now, &std::sync::Arc::new(body(1)), target(6, 1));
    assert_eq!(closing(&effects(&mut live)), Some(Closing::superseded(6)));
}

#[test]
fn superseding_needs_a_larger_number() {
    let mut live = World::new().live(5, 0);
    effects(&mut live);
    live.superseded(5);
    live.superseded(4);
    assert!(effects(&mut live).is_empty());
    live.superseded(6);
    assert_eq!(effects(&mut live), [Effect::Close(Closing::superseded(6))]);
}

#[test]
fn an_idle_link_reads_now_and_then() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.now = world.now.plus(REREAD_EVERY);
    world.send(&mut live, homing_wire::Ping::default());
    live.timeout(world.now);
    let found = effects(&mut live);
    assert!(found.contains(&Effect::ReadMailbox));
    assert!(live.next_timeout() > world.now);
}
