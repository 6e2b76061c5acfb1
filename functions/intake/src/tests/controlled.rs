//! Control over a message that is on its way, and its recall.

use futures_util::FutureExt as _;
use homing_contract::queue::decode;
use homing_domain::limits::{RECALL_GRACE, TTL_DEFAULT_SECONDS};
use homing_domain::{
    Audience, AudienceJob, Cursor, FeedAction, FeedJob, Flow, HeldJob, Message, MessageChange, MessageId, Priority,
    Stage,
};
use homing_endpoint::Problem;

use super::scheduled::take;
use super::world::{NOW, When, World, app};
use crate::control::{ControlError, change, recall};

/// A message in this stage.
fn running(world: &World, stage: Stage) -> MessageId {
    let id = take(world, None, 1).unwrap();
    world.with(|state| {
        state.jobs.clear();
        state.calls = 0;
        state.messages.get_mut(&id).unwrap().stage = stage;
    });
    id
}

fn apply(world: &World, id: MessageId, how: MessageChange) -> Result<Message, ControlError> {
    change(world, &app(), id, how).now_or_never().expect("it waits for its ports only")
}

fn take_back(world: &World, id: MessageId) -> Result<MessageId, ControlError> {
    recall(world, &app(), id, NOW).now_or_never().expect("it waits for its ports only")
}

fn code(error: ControlError) -> (u16, String) {
    let problem = Problem::from(error);
    (problem.status().as_u16(), problem.code().to_owned())
}

#[test]
fn a_running_message_is_steered_and_a_stopped_one_is_not() {
    let world = World::new();
    let id = running(&world, Stage::Releasing);
    assert_eq!(apply(&world, id, MessageChange::Pause(NOW)).unwrap().control.flow, Flow::Paused);
    assert_eq!(apply(&world, id, MessageChange::SetRate(Some(9))).unwrap().options.rate_per_second, Some(9));
    assert_eq!(apply(&world, id, MessageChange::Resume(NOW)).unwrap().control.flow, Flow::Running);
    assert_eq!(apply(&world, id, MessageChange::Abort).unwrap().control.flow, Flow::Aborted);
    let stopped = (409, "stopped".to_owned());
    for how in [MessageChange::Pause(NOW), MessageChange::Resume(NOW), MessageChange::SetRate(None)] {
        assert_eq!(code(apply(&world, id, how).unwrap_err()), stopped);
    }
}

#[test]
fn held_parts_of_a_stopped_message_need_not_wait_to_end() {
    let stops: [fn(&World, MessageId); 2] =
        [|world, id| _ = apply(world, id, MessageChange::Abort), |world, id| _ = take_back(world, id)];
    for stop in stops {
        let world = World::new();
        let id = running(&world, Stage::Released);
        let moments = [NOW.plus(60_000), NOW.plus(120_000)];
        world.with(|state| state.messages.get_mut(&id).unwrap().holds = moments.to_vec());
        stop(&world, id);
        let jobs: Vec<HeldJob> =
            world.with(|state| state.jobs.iter().filter_map(|job| decode(&job.body).ok()).collect());
        assert_eq!(jobs, moments.map(|at| HeldJob { message: id, at, after: None }));
    }
}

/// The same, in the feed of its app.
fn in_feed(world: &World) -> MessageId {
    let id = running(world, Stage::Releasing);
    world.with(|state| state.messages.get_mut(&id).unwrap().feed_after = Some(41));
    id
}

#[test]
fn a_stopped_message_is_stopped_in_its_feed() {
    let stops: [fn(&World, MessageId); 2] =
        [|world, id| _ = apply(world, id, MessageChange::Abort), |world, id| _ = take_back(world, id)];
    for stop in stops {
        let world = World::new();
        let id = in_feed(&world);
        apply(&world, id, MessageChange::Pause(NOW)).unwrap();
        apply(&world, id, MessageChange::Resume(NOW)).unwrap();
        assert_eq!(world.with(|state| state.feed_jobs.len()), 0, "it goes on");
        stop(&world, id);
        let job = FeedJob { message: id, action: FeedAction::Stop };
        assert_eq!(world.with(|state| state.feed_jobs.clone()), [job]);
        stop(&world, id);
        assert_eq!(world.with(|state| state.feed_jobs.clone()), [job, job], "the first may be lost");
        let paged = World::new();
        let id = running(&paged, Stage::Released);
        stop(&paged, id);
        let (flow, told) = paged.with(|state| (state.messages[&id].control.flow, state.feed_jobs.len()));
        assert!(flow.is_stopped() && told == 0, "it is in no feed");
    }
}

/// The feed is not told before the message's row says so, and a caller that was told nothing finds a repeat to do it.
#[test]
fn nothing_stops_in_a_feed_that_goes_on_in_its_row() {
    for call in 1.. {
        for when in [When::Before, When::After] {
            let world = World::new();
            let id = in_feed(&world);
            world.with(|state| state.fail_at = Some((call, when)));
            let done = apply(&world, id, MessageChange::Abort).is_ok();
            let (flow, told) = world.with(|state| (state.messages[&id].control.flow, state.feed_jobs.len()));
            assert!(flow == Flow::Aborted || told == 0);
            if done {
                assert_eq!((call, told), (4, 1), "a read, the change and the job");
                return;
            }
            apply(&world, id, MessageChange::Abort).unwrap();
            assert!(world.with(|state| (1..=2).contains(&state.feed_jobs.len())));
        }
    }
}

#[test]
fn every_refusal_says_what_can_be_done_instead() {
    for (stage, word) in [
        (Stage::Accepted, "cancel"),
        (Stage::Scheduled, "cancel"),
        (Stage::Released, "recall"),
        (Stage::Completed, "recall"),
    ] {
        let world = World::new();
        let id = running(&world, stage);
        let problem = Problem::from(apply(&world, id, MessageChange::Pause(NOW)).unwrap_err());
        assert_eq!((problem.status().as_u16(), problem.code()), (409, "not_running"));
        assert!(problem.in_words().contains(word), "{stage}: {}", problem.in_words());
    }
}

#[test]
fn messages_of_others_are_not_there() {
    let world = World::new();
    let id = running(&world, Stage::Releasing);
    world.with(|state| state.messages.get_mut(&id).unwrap().app = "other".parse().unwrap());
    assert_eq!(code(apply(&world, id, MessageChange::Abort).unwrap_err()), (404, "not_found".to_owned()));
    assert_eq!(code(take_back(&world, id).unwrap_err()), (404, "not_found".to_owned()));
    assert_eq!(world.with(|state| state.messages[&id].control.flow), Flow::Running);
}

#[test]
fn a_recall_is_a_message_of_its_own() {
    let world = World::new();
    let id = running(&world, Stage::Completed);
    let recall = take_back(&world, id).unwrap();
    world.with(|state| {
        assert_eq!(state.messages[&id].control.flow, Flow::Recalled);
        let message = &state.messages[&recall];
        assert_eq!((message.recalls, &message.audience), (Some(id), &Audience::RecipientsOf(id)));
        assert_eq!((message.stage, message.options.priority), (Stage::Accepted, Priority::High));
        // The message itself lives a minute only; who shows it may be away for longer.
        assert_eq!(message.expires_at, NOW.plus(u64::from(TTL_DEFAULT_SECONDS) * 1_000));
        let [job] = &state.jobs[..] else { panic!("{:?}", state.jobs) };
        assert_eq!((job.delay, job.group.as_deref()), (RECALL_GRACE, Some("demo/high")));
        let expected = AudienceJob { message: recall, segment: None, cursor: Cursor::Start };
        assert_eq!(decode::<AudienceJob>(&job.body).unwrap(), expected);
    });
    assert_eq!(take_back(&world, id).unwrap(), recall, "once and for all");
    world.with(|state| {
        assert_eq!(state.jobs.len(), 2, "its job may be lost");
        state.messages.get_mut(&recall).unwrap().stage = Stage::Released;
    });
    assert_eq!(take_back(&world, id).unwrap(), recall);
    assert_eq!(world.with(|state| state.jobs.len()), 2, "it is on its way");
    assert_eq!(code(take_back(&world, recall).unwrap_err()), (409, "is_a_recall".to_owned()));
}

#[test]
fn what_has_not_begun_is_not_recalled() {
    let world = World::new();
    let id = running(&world, Stage::Scheduled);
    assert_eq!(code(take_back(&world, id).unwrap_err()), (409, "not_running".to_owned()));
    assert_eq!(world.with(|state| (state.messages.len(), state.jobs.len())), (1, 0));
}

/// Whatever fails, nobody is told of a recall before the message is stopped and the recall's row and job are durable, and
/// a repeat gets there.
#[test]
fn no_recall_is_answered_halfway() {
    let mut failures = 0;
    for at in 1.. {
        for when in [When::Before, When::After] {
            let world = World::new();
            let id = running(&world, Stage::Released);
            world.with(|state| state.fail_at = Some((at, when)));
            if take_back(&world, id).is_ok() {
                assert_eq!(failures, 10, "two reads, the change, the row and the job");
                return;
            }
            failures += 1;
            let recall = take_back(&world, id).unwrap();
            world.with(|state| {
                assert_eq!(state.messages.keys().filter(|key| **key != id).collect::<Vec<_>>(), [&recall]);
                assert_eq!(state.messages[&id].control.flow, Flow::Recalled);
                assert!((1..=2).contains(&state.jobs.len()));
            });
        }
    }
}
