//! Plays the queues, the clock and the timers until nothing is left to do, and checks what must hold in the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::queue::{DispatchInput, decode_dispatch_input, encode};
use homing_domain::limits::{ACCEPTED_SWEEP_AFTER, SHARD_MAX_DEVICES};
use homing_domain::{
    AudienceJob, Counter, Cursor, DeviceId, DueTick, ENUMERATION_WHOLE, FeedAction, FeedJob, HeldJob, Stage, Target,
    UnixMillis,
};
use homing_ports::{QueueName, StageError};

use super::world::{When, World};
use super::{Fanout, MESSAGE};

/// The fakes never wait, so a stage that needs no runtime and no timer is done at the first poll.
pub(super) fn handle(world: &Arc<World>, body: &Bytes) -> Result<(), StageError> {
    Fanout::new(Arc::clone(world)).consume(body).now_or_never().expect("a stage waits for its ports only")
}

/// The job that begins the message.
pub(super) fn first_job() -> Bytes {
    encode(&AudienceJob { message: MESSAGE, segment: None, cursor: Cursor::Start })
}

/// Runs jobs until none is left, see [`run_with`].
pub(super) fn run(world: &Arc<World>, on_failure: impl Fn(&World)) {
    run_with(world, on_failure, |_| {});
}

/// Runs jobs until none is left, in the order of their time: each twice, and again when it failed. `on_failure` may change
/// the world, and so may `before_each`.
pub(super) fn run_with(world: &Arc<World>, on_failure: impl Fn(&World), before_each: impl Fn(&World)) {
    let mut jobs = Jobs::default();
    jobs.add(world.with(|state| state.now), first_job());
    let mut runs = 0;
    loop {
        for (at, held) in due_holds(world) {
            jobs.add(at, encode(&held));
        }
        let Some((at, job)) = jobs.next() else { return };
        world.with(|state| state.now = state.now.max(at));
        before_each(world);
        for repeat in 0..2 {
            runs += 1;
            assert!(runs < 20_000, "the jobs never end");
            let mut done = handle(world, &job);
            if let Err(StageError::Port(_)) = done {
                on_failure(world);
                done = handle(world, &job);
            }
            match done {
                Ok(()) => {}
                Err(StageError::Later { delay }) => {
                    assert!(delay > 0);
                    jobs.add(world.with(|state| state.now.plus(delay)), job.clone());
                    break;
                }
                Err(error) => panic!("{error}"),
            }
            while let Some(item) = world.take(QueueName::Audience) {
                if repeat == 0 {
                    jobs.add(world.with(|state| state.now.plus(item.delay)), item.body);
                }
            }
        }
    }
}

/// Each job once, at its earliest time.
#[derive(Default)]
struct Jobs(HashMap<Bytes, UnixMillis>);

impl Jobs {
    fn add(&mut self, at: UnixMillis, job: Bytes) {
        self.0.entry(job).and_modify(|earliest| *earliest = at.min(*earliest)).or_insert(at);
    }

    fn next(&mut self) -> Option<(UnixMillis, Bytes)> {
        let next = self.0.iter().map(|(job, at)| (*at, job.clone())).min()?;
        self.0.remove(&next.1);
        Some(next)
    }
}

/// What the schedule stage would send next: of a timer, or of a moment whose timer was lost.
fn due_holds(world: &World) -> Vec<(UnixMillis, HeldJob)> {
    world.with(|state| {
        let message = &state.messages[&MESSAGE];
        let job = |at| HeldJob { message: MESSAGE, at, after: None };
        let mut jobs: Vec<_> = std::mem::take(&mut state.ticks)
            .into_iter()
            .map(|DueTick { at, message }| {
                assert_eq!(message, MESSAGE);
                (at, job(at))
            })
            .collect();
        jobs.extend(message.holds.iter().map(|at| (at.plus(ACCEPTED_SWEEP_AFTER), job(*at))));
        // Those of a completed message would never be looked at again.
        jobs.retain(|_| message.stage != Stage::Completed);
        jobs
    })
}

/// Everything that must hold in the end. Answers whom the message is for, and how.
pub(super) fn targets(world: &World) -> BTreeMap<DeviceId, Target> {
    let group = world.with(|state| state.messages[&MESSAGE].queue_group());
    while let Some(item) = world.take(QueueName::Dispatch) {
        assert_eq!(item.group.as_ref(), Some(&group));
        assert!(matches!(decode_dispatch_input(&item.body), Ok(DispatchInput::Shard(_) | DispatchInput::Feed(_))));
    }
    let mut targets = BTreeMap::new();
    world.with(|state| {
        let message = &state.messages[&MESSAGE];
        let mut sent = BTreeMap::<_, UnixMillis>::new();
        for (at, shard) in &state.dispatched {
            let stored = &state.shards[&shard.id];
            for target in &shard.targets {
                assert!(stored.targets.contains(target), "sent as stored");
                let is_held = target.refusal.is_none() && target.hold.is_some_and(|hold| *at < hold);
                assert!(!is_held || message.control.flow.is_stopped(), "{target:?} was sent at {at}");
                sent.entry(target.device).and_modify(|first| *first = (*first).min(*at)).or_insert(*at);
            }
        }
        for shard in state.shards.values().filter(|shard| shard.message == MESSAGE) {
            assert!(shard.targets.len() <= SHARD_MAX_DEVICES);
            assert!(state.counted.contains(&shard.id));
            for target in &shard.targets {
                assert!(sent.contains_key(&target.device), "{target:?} is never sent");
                assert!(targets.insert(target.device, *target).is_none(), "{} is targeted twice", target.device);
            }
        }
        let bring = FeedJob { message: MESSAGE, action: FeedAction::Bring };
        assert_eq!(!state.feed_jobs.is_empty(), message.feed_after.is_some());
        assert!(state.feed_jobs.iter().all(|job| *job == bring), "{:?}", state.feed_jobs);
        let is_over = targets.is_empty() && message.feed_after.is_none();
        let end = if is_over { Stage::Completed } else { Stage::Released };
        assert_eq!(message.stage, end);
        assert!(message.holds.is_empty(), "{:?}", message.holds);
        assert!(!state.queues.contains_key(&QueueName::Close), "who closes it is found by its time");
        assert_eq!(state.tally.get(Counter::Enumerated), i64::from(ENUMERATION_WHOLE));
    });
    assert_eq!(world.targeted(), i64::try_from(targets.len()).unwrap());
    targets
}

/// Runs an audience once for each port call and each way in which it can fail.
pub(super) fn fail_everywhere(
    make: impl Fn() -> Arc<World>,
    on_failure: impl Fn(&World),
    expect: impl Fn(&BTreeMap<DeviceId, Target>),
) {
    fail_everywhere_with(make, on_failure, |_| {}, expect);
}

/// The same with something that happens before each job.
pub(super) fn fail_everywhere_with(
    make: impl Fn() -> Arc<World>,
    on_failure: impl Fn(&World),
    before_each: impl Fn(&World),
    expect: impl Fn(&BTreeMap<DeviceId, Target>),
) {
    let quiet = make();
    run_with(&quiet, |_| {}, &before_each);
    expect(&targets(&quiet));
    let calls = quiet.with(|state| state.calls);
    assert!(calls > 5);
    // Runs through all segments repeat themselves: a few of their calls are cut.
    let step = if calls < 1_000 { calls / 60 + 1 } else { calls / 11 };
    for at in (1..=calls).step_by(step) {
        for when in [When::Before, When::After] {
            let world = make();
            world.with(|state| state.fail_at = Some((at, when)));
            run_with(&world, &on_failure, &before_each);
            expect(&targets(&world));
        }
    }
}
