//! Pushes with a time.

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::http::v1::ValidPush;
use homing_domain::{Audience, DueTick, Exclusion, MessageId, Millis, Options, Priority, Schedule, Stage, UnixMillis};

use super::world::{NOW, When, World, app};
use crate::{AcceptError, Acceptance, accept};

const HOUR: Millis = 3_600_000;

/// Accepts under one key a push of a minute's life.
pub(super) fn take(world: &World, release_at: Option<UnixMillis>, body: u8) -> Result<MessageId, AcceptError> {
    let options = Options { ttl_seconds: 60, priority: Priority::Normal, collapse_key: None, ..Options::default() };
    let payload = Bytes::from_static(b"{}");
    let push = ValidPush {
        audience: Audience::All,
        exclude: Exclusion::default(),
        payload,
        localizations: Vec::new(),
        overrides: Vec::new(),
        options,
        schedule: release_at.map_or(Schedule::Now, Schedule::At),
        release_at,
        validate_only: false,
    };
    let app = app();
    let acceptance =
        Acceptance { app: &app, push, body_sha256: [body; 32], idempotency_key: Some("order-7"), sent_at: NOW };
    accept(world, world, NOW, acceptance).now_or_never().expect("it waits for its ports only")
}

#[test]
fn a_push_with_a_time_has_a_timer_instead_of_a_job_and_lives_from_then_on() {
    let world = World::new();
    let at = NOW.plus(HOUR);
    let id = take(&world, Some(at), 1).unwrap();
    world.with(|state| {
        let message = &state.messages[&id];
        assert_eq!((message.stage, message.release_at), (Stage::Scheduled, Some(at)));
        assert_eq!((message.accepted_at, message.expires_at), (NOW, at.plus(60_000)));
        assert_eq!(state.timers, [DueTick { message: id, at }]);
        assert!(state.jobs.is_empty());
    });
}

#[test]
fn a_time_that_is_just_over_is_now() {
    let world = World::new();
    let id = take(&world, Some(NOW.minus(59_000)), 1).unwrap();
    world.with(|state| {
        assert_eq!((state.messages[&id].release_at, state.messages[&id].expires_at), (Some(NOW), NOW.plus(60_000)));
        assert_eq!(state.timers, [DueTick { message: id, at: NOW }]);
    });
}

#[test]
fn a_repeat_sets_the_timer_again_while_it_may_be_lost() {
    let world = World::new();
    let at = NOW.plus(HOUR);
    let id = take(&world, Some(at), 1).unwrap();
    assert_eq!(take(&world, Some(at), 1).unwrap(), id);
    assert!(matches!(take(&world, Some(at.plus(1)), 2), Err(AcceptError::KeyReused)));
    world.with(|state| {
        assert_eq!(state.timers, [DueTick { message: id, at }; 2]);
        state.messages.get_mut(&id).unwrap().stage = Stage::Releasing;
    });
    assert_eq!(take(&world, Some(at), 1).unwrap(), id);
    world.with(|state| assert_eq!((state.timers.len(), state.jobs.len()), (2, 0)));
}

/// Whatever fails, nobody is told that a message is accepted before its row and its job or timer are durable, and a repeat
/// gets there.
#[test]
fn nothing_is_accepted_halfway() {
    for release_at in [None, Some(NOW.plus(HOUR))] {
        for (call, when) in [(1, When::Before), (1, When::After), (2, When::Before), (2, When::After)] {
            let world = World::new();
            world.with(|state| state.fail_at = Some((call, when)));
            assert!(matches!(take(&world, release_at, 1), Err(AcceptError::Port(_))));
            let id = take(&world, release_at, 1).unwrap();
            world.with(|state| {
                assert_eq!(state.messages.keys().collect::<Vec<_>>(), [&id]);
                let (moved, other) = match release_at {
                    None => (state.jobs.len(), state.timers.len()),
                    Some(_) => (state.timers.len(), state.jobs.len()),
                };
                assert!((1..=2).contains(&moved) && other == 0);
            });
        }
    }
}
