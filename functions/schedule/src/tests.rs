//! Ticks that are early, late, repeated or void, and what a sweep finds.

mod held;
mod series;
mod world;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::queue::{decode, encode};
use homing_domain::limits::{ACCEPTED_SWEEP_AFTER, CLOSE_AFTER_EXPIRY, QUEUE_DELAY_MAX};
use homing_domain::{AudienceJob, CloseJob, Cursor, DueTick, MessageId, Millis, Stage, UnixMillis};
use homing_ports::{Outgoing, QueueName, StageError};

use super::{Schedule, Swept, sweep};
use homing_ports::Clock as _;
use world::{AT, EXPIRES, When, World, id, message};

const HOUR: Millis = 3_600_000;

/// The fakes never wait, so a stage that needs no runtime and no timer is done at the first poll.
fn consume(world: &Arc<World>, body: &Bytes) -> Result<(), StageError> {
    Schedule::new(Arc::clone(world)).consume(body).now_or_never().expect("a stage waits for its ports only")
}

fn tick(world: &Arc<World>, n: u8, at: UnixMillis) -> Result<(), StageError> {
    consume(world, &encode(&DueTick { message: id(n), at }))
}

fn swept(world: &World, now: UnixMillis) -> homing_ports::Result<Swept> {
    sweep(world, now).now_or_never().expect("a sweep waits for its ports only")
}

fn audience_jobs(world: &World) -> Vec<MessageId> {
    let message = |item: Outgoing| {
        assert_eq!((item.delay, item.group.as_deref()), (0, Some("demo")));
        let job: AudienceJob = decode(&item.body).unwrap();
        assert_eq!((job.segment, job.cursor), (None, Cursor::Start));
        job.message
    };
    world.take(QueueName::Audience).into_iter().map(message).collect()
}

fn close_jobs(world: &World) -> Vec<CloseJob> {
    world.take(QueueName::Close).iter().map(|item| decode(&item.body).unwrap()).collect()
}

#[test]
fn a_tick_waits_for_its_time_and_not_a_millisecond_longer() {
    let world = World::at(AT.minus(2 * HOUR));
    world.put(message(1, Stage::Scheduled));
    for (before, delay) in [(2 * HOUR, QUEUE_DELAY_MAX), (QUEUE_DELAY_MAX, QUEUE_DELAY_MAX), (60_000, 60_000), (1, 1)] {
        world.set_now(AT.minus(before));
        let Err(StageError::Later { delay: later }) = tick(&world, 1, AT) else { panic!("it is not time yet") };
        assert_eq!(later, delay);
        assert!(audience_jobs(&world).is_empty());
    }
    world.set_now(AT);
    tick(&world, 1, AT).unwrap();
    assert_eq!(audience_jobs(&world), [id(1)]);
}

#[test]
fn a_tick_is_void_once_its_message_moved_on_or_has_another_time() {
    let world = World::at(AT.plus(5));
    for (n, stage) in
        [Stage::Accepted, Stage::Releasing, Stage::Released, Stage::Completed, Stage::Cancelled].into_iter().enumerate()
    {
        let n = u8::try_from(n).unwrap();
        world.put(message(n, stage));
        tick(&world, n, AT).unwrap();
    }
    world.put(message(9, Stage::Scheduled));
    tick(&world, 9, AT.minus(1)).unwrap();
    tick(&world, 9, AT.plus(HOUR)).unwrap();
    assert!(audience_jobs(&world).is_empty());
}

#[test]
fn what_cannot_succeed_is_poison_and_what_failed_comes_again() {
    let world = World::at(AT);
    let job = AudienceJob { message: id(1), segment: None, cursor: Cursor::Start };
    for body in [Bytes::from_static(b"{}"), encode(&job), encode(&DueTick { message: id(1), at: AT })] {
        assert!(matches!(consume(&world, &body), Err(StageError::Poison { .. })));
    }
    world.put(message(1, Stage::Scheduled));
    for fail_at in 1..=2 {
        world.fail_at(fail_at);
        assert!(matches!(tick(&world, 1, AT), Err(StageError::Port(_))));
        tick(&world, 1, AT).unwrap();
        assert_eq!(audience_jobs(&world), [id(1)]);
    }
}

#[test]
fn a_sweep_sends_the_jobs_of_what_nothing_moved() {
    let world = World::at(AT);
    world.put(message(1, Stage::Accepted));
    world.put(message(2, Stage::Scheduled));
    world.put(message(3, Stage::Released));
    world.put(message(4, Stage::Releasing));
    world.put(message(5, Stage::Completed));
    world.put(message(6, Stage::Cancelled));
    let accepted_at = AT.minus(HOUR);
    for (now, expected) in [
        (accepted_at.plus(ACCEPTED_SWEEP_AFTER - 1), (0, 0, 0)),
        (accepted_at.plus(ACCEPTED_SWEEP_AFTER), (1, 0, 0)),
        (AT.plus(ACCEPTED_SWEEP_AFTER - 1), (1, 0, 0)),
        (AT.plus(ACCEPTED_SWEEP_AFTER), (2, 0, 0)),
        (EXPIRES.plus(CLOSE_AFTER_EXPIRY - 1), (2, 0, 0)),
        (EXPIRES.plus(CLOSE_AFTER_EXPIRY), (2, 1, 1)),
    ] {
        let (released, closed, hanging) = expected;
        assert_eq!(swept(&world, now).unwrap(), Swept { released, closed, hanging, held: 0 }, "at {now}");
        assert_eq!(audience_jobs(&world), [id(1), id(2)][..released]);
        let close = CloseJob { message: id(3), at: EXPIRES.plus(CLOSE_AFTER_EXPIRY), after: None };
        assert_eq!(close_jobs(&world), [close][..closed]);
    }
}

#[test]
fn a_stale_list_moves_nothing_that_is_not_overdue() {
    let world = World::at(AT);
    for (n, stage) in [(1, Stage::Accepted), (2, Stage::Scheduled), (3, Stage::Released)] {
        world.put(message(n, stage));
        world.list_always(id(n));
    }
    world.list_always(id(4));
    assert_eq!(swept(&world, AT.minus(HOUR)).unwrap(), Swept::default());
    assert!(audience_jobs(&world).is_empty() && close_jobs(&world).is_empty());
}

#[test]
fn a_sweep_is_bounded_and_what_hangs_hides_nothing() {
    let world = World::at(AT);
    let now = EXPIRES.plus(CLOSE_AFTER_EXPIRY);
    // Listed first, because it is due first.
    (0..300).for_each(|n| world.put_numbered(n, Stage::Releasing));
    (300..900).for_each(|n| world.put_numbered(n, Stage::Released));
    let first = swept(&world, now).unwrap();
    assert_eq!((first.closed, first.hanging), (256, 300));
    assert_eq!(close_jobs(&world).len(), 256);
}

#[test]
fn a_failed_sweep_is_made_up_for_by_the_next() {
    let make = || {
        let world = World::at(AT);
        world.put(message(1, Stage::Accepted));
        world.put(message(2, Stage::Released));
        world
    };
    let now = EXPIRES.plus(CLOSE_AFTER_EXPIRY);
    for fail_at in 1..=5 {
        let world = make();
        world.fail_at(fail_at);
        assert!(swept(&world, now).is_err(), "call {fail_at}");
        assert_eq!(swept(&world, now).unwrap(), Swept { released: 1, closed: 1, ..Swept::default() });
        assert!(!audience_jobs(&world).is_empty());
        assert_eq!(close_jobs(&world).len(), 1);
    }
}

#[test]
fn the_futures_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: T) {}
    let world = World::at(AT);
    is_send(Schedule::new(Arc::clone(&world)).handle(DueTick { message: id(1), at: AT }));
    is_send(sweep(&*world, AT));
}
