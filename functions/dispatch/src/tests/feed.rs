//! Entries in the feed of an app: each once, after what was there, whoever else appends and whatever fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use homing_contract::queue::encode;
use homing_domain::limits::FEED_PAGE_MAX;
use homing_domain::{FeedAction, FeedEntry, FeedJob, FeedOffset, Flow, GatewayRef, MessageId, Notice, UnixMillis};
use homing_ports::StageError;

use super::scene::{ALIVE, ALSO_ALIVE, MESSAGE, NOW, app, consume, message, stage, world};
use super::world::{When, World};

/// The head when the release began.
const AFTER: FeedOffset = 7;

const fn job(action: FeedAction) -> FeedJob {
    FeedJob { message: MESSAGE, action }
}

const fn other(n: u8, expires_at: UnixMillis) -> FeedEntry {
    FeedEntry { message: MessageId::from_bytes([n; 16]), action: FeedAction::Bring, expires_at }
}

fn ours(action: FeedAction) -> FeedEntry {
    FeedEntry { message: MESSAGE, action, expires_at: message(3_600).expires_at }
}

/// A feed of one entry, and a message that comes after it.
fn broadcast() -> Arc<World> {
    let world = world(3_600);
    world.with(|state| {
        state.feed.insert(AFTER, other(1, UnixMillis::NEVER));
        state.messages.get_mut(&MESSAGE).unwrap().feed_after = Some(AFTER);
    });
    world
}

/// Handles the job until it succeeds, and once more.
fn run(world: &Arc<World>, action: FeedAction) {
    let stage = stage(world);
    for _ in 0..2 {
        let tries = (0..3).take_while(|_| consume(&stage, &encode(&job(action))).is_err());
        assert!(tries.count() < 3, "it fails for ever");
    }
}

fn places(world: &World, entry: FeedEntry) -> Vec<FeedOffset> {
    world.with(|state| state.feed.iter().filter(|(_, one)| **one == entry).map(|(offset, _)| *offset).collect())
}

fn hinted(world: &World) -> BTreeSet<(GatewayRef, FeedOffset)> {
    world.with(|state| {
        let hint = |(gateway, notice): &(GatewayRef, Notice)| match notice {
            Notice::Feed(hint) => {
                assert_eq!(hint.app, app());
                (*gateway, hint.offset)
            }
            other => panic!("{other:?}"),
        };
        state.notices.iter().map(hint).collect()
    })
}

#[test]
fn it_is_there_once_and_gateways_that_live_are_told_whatever_fails() {
    let quiet = broadcast();
    run(&quiet, FeedAction::Bring);
    let calls = quiet.with(|state| state.calls);
    assert!(calls >= 12);
    for at in 0..=calls {
        for when in When::ALL {
            let world = broadcast();
            world.with(|state| state.fail_at = Some((at, when)));
            run(&world, FeedAction::Bring);
            assert_eq!(places(&world, ours(FeedAction::Bring)), [AFTER + 1], "failure {when:?} at {at}");
            assert_eq!(hinted(&world), BTreeSet::from([(ALIVE, AFTER + 1), (ALSO_ALIVE, AFTER + 1)]));
        }
    }
}

#[test]
fn it_comes_after_whoever_was_faster() {
    let world = broadcast();
    world.with(|state| state.rivals = vec![other(2, UnixMillis::NEVER), other(3, UnixMillis::NEVER)]);
    run(&world, FeedAction::Bring);
    assert_eq!(places(&world, ours(FeedAction::Bring)), [AFTER + 3]);
}

#[test]
fn a_job_that_runs_twice_at_once_puts_one() {
    let world = broadcast();
    world.with(|state| state.rivals = vec![ours(FeedAction::Bring)]);
    run(&world, FeedAction::Bring);
    assert_eq!(places(&world, ours(FeedAction::Bring)), [AFTER + 1]);
    assert!(hinted(&world).contains(&(ALIVE, AFTER + 1)));
}

#[test]
fn it_is_found_however_many_came_in_between() {
    let world = broadcast();
    let between = u64::try_from(FEED_PAGE_MAX * 2).unwrap();
    world.with(|state| {
        let others = (1..=between).map(|n| (AFTER + n, other(9, UnixMillis::NEVER)));
        state.feed.extend(others);
    });
    run(&world, FeedAction::Bring);
    assert_eq!(places(&world, ours(FeedAction::Bring)), [AFTER + between + 1]);
}

#[test]
fn a_stop_follows_and_has_a_place_of_its_own() {
    let world = broadcast();
    run(&world, FeedAction::Bring);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().control.flow = Flow::Aborted);
    run(&world, FeedAction::Stop);
    run(&world, FeedAction::Bring);
    assert_eq!(places(&world, ours(FeedAction::Bring)), [AFTER + 1]);
    assert_eq!(places(&world, ours(FeedAction::Stop)), [AFTER + 2]);
}

#[test]
fn what_was_stopped_or_expired_is_not_brought() {
    for flow in [Flow::Aborted, Flow::Recalled] {
        let world = broadcast();
        world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().control.flow = flow);
        run(&world, FeedAction::Bring);
        assert!(places(&world, ours(FeedAction::Bring)).is_empty());
        assert!(hinted(&world).is_empty());
    }
    let world = broadcast();
    world.with(|state| state.now = message(3_600).expires_at);
    for action in [FeedAction::Bring, FeedAction::Stop] {
        run(&world, action);
        assert!(places(&world, ours(action)).is_empty());
    }
}

/// The job read the message a moment before it was stopped.
#[test]
fn nothing_is_brought_after_its_stop() {
    let world = broadcast();
    world.with(|state| state.rivals = vec![ours(FeedAction::Stop)]);
    run(&world, FeedAction::Bring);
    assert!(places(&world, ours(FeedAction::Bring)).is_empty());
}

#[test]
fn what_expired_long_ago_is_dropped_up_to_the_first_that_lives() {
    for (first, left) in [(NOW.minus(60_000), 2), (NOW.minus(59_999), 4), (UnixMillis::NEVER, 4)] {
        let world = broadcast();
        world.with(|state| {
            state.feed.clear();
            state.feed.insert(AFTER - 1, other(1, first));
            state.feed.insert(AFTER, other(2, NOW.minus(60_000)));
            state.feed.insert(AFTER + 1, other(3, UnixMillis::NEVER));
        });
        run(&world, FeedAction::Bring);
        assert_eq!(world.with(|state| state.feed.len()), left);
        assert_eq!(places(&world, ours(FeedAction::Bring)), [AFTER + 2]);
    }
}

#[test]
fn a_gateway_that_cannot_be_told_holds_up_nobody() {
    let world = broadcast();
    world.with(|state| state.full_inbox = Some(ALIVE));
    consume(&stage(&world), &encode(&job(FeedAction::Bring))).unwrap();
    assert_eq!(hinted(&world), BTreeSet::from([(ALSO_ALIVE, AFTER + 1)]));
}

#[test]
fn a_gateway_that_began_a_moment_ago_is_told() {
    let world = broadcast();
    let stage = stage(&world);
    consume(&stage, &encode(&job(FeedAction::Bring))).unwrap();
    let young = GatewayRef { server_id: homing_domain::ServerId([9; 8]), incarnation: 1 };
    world.with(|state| state.leases.push(super::scene::lease(young, NOW.plus(1))));
    consume(&stage, &encode(&job(FeedAction::Stop))).unwrap();
    assert!(hinted(&world).contains(&(young, AFTER + 2)));
}

#[test]
fn a_message_that_is_in_no_feed_is_poison() {
    let world = world(3_600);
    let outcome = consume(&stage(&world), &encode(&job(FeedAction::Bring)));
    assert!(matches!(outcome, Err(StageError::Poison { .. })));
}
