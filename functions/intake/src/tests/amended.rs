//! Messages that are changed or cancelled before their release.

use futures_util::FutureExt as _;
use homing_domain::{
    AmendedContent, AmendedRelease, Amendment, DueTick, Message, MessageChange, MessageId, Millis, Schedule, Stage,
    UnixMillis,
};
use homing_endpoint::Problem;

use super::scheduled::take;
use super::world::{NOW, When, World, app};
use crate::amend::amend;
use crate::control::{ControlError, change};

const HOUR: Millis = 3_600_000;

fn scheduled(world: &World) -> MessageId {
    let id = take(world, Some(NOW.plus(HOUR)), 1).unwrap();
    world.with(|state| {
        state.timers.clear();
        state.calls = 0;
    });
    id
}

fn apply(world: &World, id: MessageId, amendment: Amendment) -> Result<Message, ControlError> {
    amend(world, &app(), id, amendment).now_or_never().expect("it waits for its ports only")
}

fn cancel(world: &World, id: MessageId) -> Result<Message, ControlError> {
    change(world, &app(), id, MessageChange::Cancel).now_or_never().expect("it waits for its ports only")
}

fn at(moment: Option<UnixMillis>) -> Amendment {
    let schedule = moment.map_or(Schedule::Now, Schedule::At);
    let release = AmendedRelease { schedule, at: moment, lives_from: moment.unwrap_or(NOW) };
    Amendment { release: Some(release), ..Amendment::default() }
}

fn conflict(error: ControlError) -> String {
    let problem = Problem::from(error);
    assert_eq!((problem.status().as_u16(), problem.code()), (409, "too_late"));
    problem.in_words()
}

#[test]
fn another_time_has_a_timer_and_no_time_a_job() {
    let world = World::new();
    let id = scheduled(&world);
    let later = NOW.plus(2 * HOUR);
    assert_eq!(apply(&world, id, at(Some(later))).unwrap().release_at, Some(later));
    world.with(|state| {
        assert_eq!((&*state.timers, state.jobs.len()), (&[DueTick { message: id, at: later }][..], 0));
    });
    assert_eq!(apply(&world, id, at(None)).unwrap().stage, Stage::Accepted);
    world.with(|state| assert_eq!((state.timers.len(), state.jobs.len()), (1, 1)));
    // Its answer was lost: asked again, its job is sent again.
    assert_eq!(apply(&world, id, at(None)).unwrap().stage, Stage::Accepted);
    world.with(|state| assert_eq!(state.jobs.len(), 2));
}

#[test]
fn other_content_keeps_its_time() {
    let world = World::new();
    let id = scheduled(&world);
    let content = AmendedContent { payload: bytes::Bytes::from_static(b"{\"data\":{}}"), ..AmendedContent::default() };
    let message = apply(&world, id, Amendment { content: Some(content), ..Amendment::default() }).unwrap();
    assert_eq!((&*message.payload, message.release_at), (&b"{\"data\":{}}"[..], Some(NOW.plus(HOUR))));
}

#[test]
fn what_is_on_its_way_is_neither_amended_nor_cancelled() {
    let world = World::new();
    let id = scheduled(&world);
    for stage in [Stage::Releasing, Stage::Released, Stage::Completed] {
        world.with(|state| state.messages.get_mut(&id).unwrap().stage = stage);
        for error in [apply(&world, id, at(None)).unwrap_err(), cancel(&world, id).unwrap_err()] {
            let words = conflict(error);
            assert!(words.contains(&format!("is {stage} already")) && words.contains("recall"), "{words}");
        }
    }
    let missing = apply(&world, MessageId::from_bytes([9; 16]), at(None)).unwrap_err();
    assert_eq!(Problem::from(missing).status().as_u16(), 404);
}

#[test]
fn a_message_is_cancelled_once_and_for_all() {
    let world = World::new();
    let id = scheduled(&world);
    for _ in 0..2 {
        assert_eq!(cancel(&world, id).unwrap().stage, Stage::Cancelled);
    }
    assert!(conflict(apply(&world, id, at(None)).unwrap_err()).contains("new message"));
    // A repeat of the request that made it does not bring it back.
    take(&world, Some(NOW.plus(HOUR)), 1).unwrap();
    world.with(|state| assert!(state.timers.is_empty() && state.jobs.is_empty()));
}

/// Wherever it is cut off, a repeat of the request gets the change and its timer or job through.
#[test]
fn nothing_is_amended_halfway() {
    for moment in [None, Some(NOW.plus(2 * HOUR))] {
        for (call, when) in (1..=3).flat_map(|call| [(call, When::Before), (call, When::After)]) {
            let world = World::new();
            let id = scheduled(&world);
            world.with(|state| state.fail_at = Some((call, when)));
            assert!(matches!(apply(&world, id, at(moment)), Err(ControlError::Port(_))), "call {call}");
            apply(&world, id, at(moment)).unwrap();
            world.with(|state| {
                let moved = if moment.is_some() { state.timers.len() } else { state.jobs.len() };
                assert!((1..=2).contains(&moved), "call {call} {when:?}");
                assert_eq!(state.messages[&id].release_at, moment);
            });
        }
    }
}
