//! Parts of a message that were held back until a moment.

use homing_contract::queue::decode;
use homing_domain::{Control, Flow, HeldJob, Message};

use super::*;

fn holding(n: u8, stage: Stage, holds: &[UnixMillis]) -> Message {
    Message { holds: holds.to_vec(), expires_at: AT.plus(100 * HOUR), ..message(n, stage) }
}

fn held_jobs(world: &World) -> Vec<(MessageId, UnixMillis)> {
    let job = |item: Outgoing| {
        assert_eq!(item.group.as_deref(), Some("demo"));
        let job: HeldJob = decode(&item.body).unwrap();
        assert_eq!(job.after, None);
        (job.message, job.at)
    };
    world.take(QueueName::Audience).into_iter().map(job).collect()
}

#[test]
fn held_parts_go_on_when_their_moment_has_come() {
    for stage in [Stage::Releasing, Stage::Released] {
        let world = World::at(AT);
        let (one, two) = (AT.plus(HOUR), AT.plus(2 * HOUR));
        world.put(holding(1, stage, &[one, two]));
        assert!(matches!(tick(&world, 1, one), Err(StageError::Later { delay }) if delay == QUEUE_DELAY_MAX));
        world.set_now(one);
        tick(&world, 1, one).unwrap();
        assert_eq!(held_jobs(&world), [(id(1), one)]);
        // Another moment than one of its holds is nobody's.
        tick(&world, 1, one.plus(1)).unwrap();
        assert!(held_jobs(&world).is_empty());
    }
}

#[test]
fn what_is_over_or_has_gone_on_is_held_no_more() {
    let world = World::at(AT.plus(HOUR));
    for (n, stage) in [(1, Stage::Completed), (2, Stage::Cancelled), (3, Stage::Accepted)] {
        world.put(holding(n, stage, &[AT]));
        tick(&world, n, AT).unwrap();
    }
    world.put(holding(4, Stage::Released, &[]));
    tick(&world, 4, AT).unwrap();
    assert!(held_jobs(&world).is_empty());
}

#[test]
fn a_failure_repeats_the_tick() {
    for (call, when) in [(1, When::Before), (2, When::Before), (2, When::After)] {
        let world = World::at(AT);
        world.put(holding(1, Stage::Released, &[AT]));
        world.cut(call, when);
        assert!(matches!(tick(&world, 1, AT), Err(StageError::Port(_))));
        held_jobs(&world);
        tick(&world, 1, AT).unwrap();
        assert_eq!(held_jobs(&world), [(id(1), AT)]);
    }
}

/// A timer or a job that was lost is made up for, and one that is only slow is not drowned in copies of it.
#[test]
fn a_sweep_sends_held_parts_again_ever_more_rarely() {
    let world = World::at(AT);
    let later = AT.plus(50 * HOUR);
    world.put(holding(1, Stage::Released, &[AT, later]));
    world.put(holding(2, Stage::Releasing, &[AT]));
    let paused = Control { flow: Flow::Paused, paused_at: Some(AT), paused_for: 0 };
    world.put(Message { control: paused, ..holding(3, Stage::Released, &[AT]) });
    for (seconds, is_sent) in [
        (0, false),
        (59, false),
        (60, true),
        (119, true),
        (120, true),
        (180, false),
        (239, false),
        (240, true),
        (480, true),
    ] {
        let held = if is_sent { 2 } else { 0 };
        let swept = swept(&world, AT.plus(seconds * 1_000)).unwrap();
        assert_eq!(swept, Swept { held, ..Swept::default() }, "after {seconds} s");
        assert_eq!(held_jobs(&world), [(id(1), AT), (id(2), AT)][..held]);
    }
}

#[test]
fn what_is_over_is_closed_whatever_it_holds() {
    let world = World::at(AT);
    world.put(holding(1, Stage::Released, &[AT]));
    let over = AT.plus(100 * HOUR + CLOSE_AFTER_EXPIRY);
    assert_eq!(swept(&world, over).unwrap(), Swept { closed: 1, ..Swept::default() });
    assert!(held_jobs(&world).is_empty());
}
