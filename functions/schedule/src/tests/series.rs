//! Recurring messages.

use homing_domain::{Message, Recurrence};

use super::*;

const SECOND: Millis = 1_000;
const DAY: Millis = 24 * HOUR;

/// A series whose next occurrence is at [`AT`], which is 22:13:20 in UTC.
fn every(cron: &str) -> (Message, Recurrence) {
    let recurrence = Recurrence { cron: cron.into(), timezone: "UTC".into(), until: None, remaining: None };
    let series = message(1, Stage::Scheduled);
    (Message { schedule: homing_domain::Schedule::Recurring(recurrence.clone()), ..series }, recurrence)
}

fn put(world: &World, (series, recurrence): (Message, Recurrence)) {
    world.put(Message { schedule: homing_domain::Schedule::Recurring(recurrence), ..series });
}

fn times(world: &World) -> Vec<u64> {
    world.occurrences(id(1)).iter().map(|occurrence| occurrence.release_at.unwrap().since(AT) / SECOND).collect()
}

fn next(world: &World) -> Option<UnixMillis> {
    let series = world.stored(id(1));
    series.release_at.filter(|_| series.stage == Stage::Scheduled)
}

#[test]
fn an_occurrence_is_a_message_of_its_own_and_the_series_moves_on() {
    let world = World::at(AT.plus(5));
    put(&world, every("20 13 22 * * *"));
    tick(&world, 1, AT).unwrap();
    let [occurrence] = &*world.occurrences(id(1)) else { panic!("one") };
    let series = world.stored(id(1));
    assert_eq!(
        (occurrence.stage, occurrence.release_at, occurrence.accepted_at),
        (Stage::Accepted, Some(AT), AT.plus(5))
    );
    assert_eq!((occurrence.series, occurrence.expires_at), (Some(id(1)), AT.plus(HOUR)));
    assert_eq!((&occurrence.audience, &occurrence.options), (&series.audience, &series.options));
    assert_eq!(audience_jobs(&world), [occurrence.id]);
    assert_eq!(world.take_timers(), [DueTick { message: id(1), at: AT.plus(DAY) }]);
    assert_eq!(
        (series.stage, series.release_at, series.expires_at),
        (Stage::Scheduled, Some(AT.plus(DAY)), AT.plus(DAY + HOUR))
    );
    // A tick that comes twice finds it done.
    tick(&world, 1, AT).unwrap();
    assert!(audience_jobs(&world).is_empty() && world.take_timers().is_empty());
    assert!(matches!(tick(&world, 1, AT.plus(DAY)), Err(StageError::Later { delay }) if delay == QUEUE_DELAY_MAX));
}

#[test]
fn what_was_missed_is_made_up_for_once() {
    for (cron, late, made, then) in [
        ("20 13 22 * * *", DAY - 1, 0, DAY),
        ("20 13 22 * * *", DAY, DAY, 2 * DAY),
        ("20 13 22 * * *", 3 * DAY + HOUR, 3 * DAY, 4 * DAY),
        ("* * * * * *", 7 * DAY + 500, 7 * DAY, 7 * DAY + SECOND),
        ("*/20 * * * * *", 50 * SECOND, 40 * SECOND, 60 * SECOND),
    ] {
        let world = World::at(AT.plus(late));
        put(&world, every(cron));
        tick(&world, 1, AT).unwrap();
        assert_eq!((times(&world), next(&world)), (vec![made / SECOND], Some(AT.plus(then))), "{cron}, {late} ms late");
    }
}

#[test]
fn a_series_that_comes_to_its_end_is_completed() {
    let (series, recurrence) = every("*/20 * * * * *");
    for recurrence in [
        Recurrence { remaining: Some(2), ..recurrence.clone() },
        Recurrence { until: Some(AT.plus(39 * SECOND)), ..recurrence },
    ] {
        let world = World::at(AT);
        put(&world, (series.clone(), recurrence));
        tick(&world, 1, AT).unwrap();
        assert_eq!(next(&world), Some(AT.plus(20 * SECOND)));
        world.set_now(AT.plus(DAY));
        tick(&world, 1, AT.plus(20 * SECOND)).unwrap();
        assert_eq!((world.stored(id(1)).stage, world.occurrences(id(1)).len()), (Stage::Completed, 2));
        assert!(world.take_timers().iter().all(|timer| timer.at <= AT.plus(DAY)), "none for after its end");
        tick(&world, 1, AT.plus(20 * SECOND)).unwrap();
        assert_eq!(world.occurrences(id(1)).len(), 2);
    }
}

/// The timer is set before the row moves on, so its tick may come before that.
#[test]
fn a_tick_that_overtakes_its_series_waits_for_it() {
    let world = World::at(AT.plus(SECOND));
    put(&world, every("* * * * * *"));
    assert!(matches!(tick(&world, 1, AT.plus(SECOND)), Err(StageError::Later { delay: 1_000 })));
    assert!(times(&world).is_empty());
    tick(&world, 1, AT).unwrap();
    assert_eq!(times(&world), [1]);
    tick(&world, 1, AT.plus(SECOND)).unwrap();
    assert_eq!((times(&world), next(&world)), (vec![1], Some(AT.plus(2 * SECOND))));
}

#[test]
fn a_series_that_was_cancelled_makes_nothing() {
    let world = World::at(AT);
    let (series, _) = every("* * * * * *");
    world.put(Message { stage: Stage::Cancelled, ..series });
    tick(&world, 1, AT).unwrap();
    assert!(times(&world).is_empty() && world.take_timers().is_empty());
}

/// Wherever a run is cut off, however late its repeat is: every occurrence that was made has its job, none is made for a time
/// twice, the count is kept, and the series has a timer or is completed.
#[test]
fn no_cut_loses_or_doubles_an_occurrence() {
    for (began, late) in [(0, 0), (0, 30 * SECOND), (60 * SECOND, 0), (60 * SECOND, 30 * SECOND)] {
        for (call, when) in (1..=9).flat_map(|call| [(call, When::Before), (call, When::After)]) {
            let world = World::at(AT.plus(began));
            let (series, recurrence) = every("*/5 * * * * *");
            put(&world, (series, Recurrence { remaining: Some(3), ..recurrence }));
            world.cut(call, when);
            let mut ticks = vec![DueTick { message: id(1), at: AT }];
            let mut jobs = Vec::new();
            while let Some(due) = ticks.pop() {
                match tick(&world, 1, due.at) {
                    Ok(()) => {}
                    Err(StageError::Later { delay }) => {
                        world.set_now(world.now().plus(delay));
                        // Behind the others, as in a queue.
                        ticks.insert(0, due);
                    }
                    Err(_) => {
                        world.set_now(world.now().plus(late));
                        ticks.push(due);
                    }
                }
                jobs.extend(audience_jobs(&world));
                ticks.splice(0..0, world.take_timers());
            }
            let made: Vec<_> = world.occurrences(id(1)).iter().map(|occurrence| occurrence.id).collect();
            assert_eq!(
                (made.len(), world.stored(id(1)).stage),
                (3, Stage::Completed),
                "{call} {when:?}, {began}, {late}"
            );
            assert!(made.iter().all(|id| jobs.contains(id)) && jobs.len() <= 4, "{call} {when:?}");
        }
    }
}

#[test]
fn a_sweep_finds_a_series_whose_timer_was_lost() {
    let world = World::at(AT);
    put(&world, every("0 0 9 * * *"));
    assert_eq!(swept(&world, AT.plus(ACCEPTED_SWEEP_AFTER - 1)).unwrap(), Swept::default());
    assert_eq!(swept(&world, AT.plus(ACCEPTED_SWEEP_AFTER)).unwrap(), Swept { released: 1, ..Swept::default() });
    assert!(audience_jobs(&world).is_empty(), "a series is never released itself");
    let [sent] = &*world.take(QueueName::Due) else { panic!("one") };
    assert_eq!(sent.body, encode(&DueTick { message: id(1), at: AT }));
}
