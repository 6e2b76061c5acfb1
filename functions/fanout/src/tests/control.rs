//! What the sender does to a message while it is being enumerated.

use std::sync::Arc;

use homing_contract::queue::encode;
use homing_domain::limits::{PAUSE_POLL, QUEUE_DELAY_MAX};
use homing_domain::{Audience, AudienceJob, Cursor, Flow, Millis, Priority, Recurrence, Schedule, Stage};
use homing_ports::{QueueName, StageError};

use super::driver::{fail_everywhere, fail_everywhere_with, first_job, handle, run, run_with, targets};
use super::world::{NOW, World, device};
use super::{MESSAGE, app, user, world};

fn set_flow(world: &World, flow: Flow) {
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().control.flow = flow);
}

fn users() -> Audience {
    Audience::Users((0..48).map(user).collect())
}

#[test]
fn a_paused_message_waits_and_goes_on() {
    let world = world(users(), 768);
    let flow_at = |world: &World| {
        let since = world.with(|state| state.now.since(NOW));
        let began = world.with(|state| state.messages[&MESSAGE].stage == Stage::Releasing);
        set_flow(world, if began && since < 60_000 { Flow::Paused } else { Flow::Running });
    };
    run_with(&world, |_| {}, flow_at);
    assert_eq!(targets(&world).len(), 768);
    world.with(|state| {
        assert_eq!(state.shards.len(), 3);
        let late = state.dispatched.iter().filter(|(at, _)| at.since(NOW) >= 60_000).count();
        assert!(late >= 2 && state.now.since(NOW) == 60_000, "{late}");
    });
}

#[test]
fn a_pause_ends_with_the_message() {
    let world = world(users(), 768);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().stage = Stage::Releasing);
    set_flow(&world, Flow::Paused);
    assert!(matches!(handle(&world, &first_job()), Err(StageError::Later { delay: PAUSE_POLL })));
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 768, "to be ended as expired");
    world.with(|state| assert_eq!(state.now, NOW.plus(3_600_000)));
}

/// Stops a message once so many pages are stored.
fn stop_after(pages: usize, flow: Flow) -> impl Fn(&World) {
    move |world| {
        if world.with(|state| state.shards.len() >= pages) {
            set_flow(world, flow);
        }
    }
}

#[test]
fn a_stopped_message_gets_no_further_pages() {
    for flow in [Flow::Aborted, Flow::Recalled] {
        let make = || world(users(), 768);
        fail_everywhere_with(make, |_| {}, stop_after(2, flow), |got| assert_eq!(got.len(), 512));
        let all = world(Audience::All, 768);
        run_with(&all, |_| {}, stop_after(10, flow));
        assert_eq!(targets(&all).len(), 10 * 12);
    }
    // Between any two calls of a job.
    let stop = |world: &World| set_flow(world, Flow::Aborted);
    fail_everywhere(|| world(users(), 768), stop, |got| assert_eq!(got.len() % 256, 0));
}

#[test]
fn a_stopped_message_that_reached_nobody_is_complete() {
    let world = world(Audience::All, 10);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().stage = Stage::Releasing);
    set_flow(&world, Flow::Aborted);
    run(&world, |_| {});
    assert!(targets(&world).is_empty());
}

#[test]
fn a_cancelled_message_is_left_alone() {
    let named = Audience::Devices(vec![device(&app(), 0, None, NOW).id]);
    for audience in [named.clone(), users(), Audience::All] {
        let world = world(audience, 10);
        world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().stage = Stage::Cancelled);
        handle(&world, &first_job()).unwrap();
        world.with(|state| assert!(state.shards.is_empty() && state.queues.is_empty()));
    }
    // Cancelled after the job had read it: the page may be stored, and is neither counted nor sent.
    let world = world(named, 10);
    world.with(|state| state.cancel_at = Some(2));
    handle(&world, &first_job()).unwrap();
    world.with(|state| {
        assert_eq!(state.messages[&MESSAGE].stage, Stage::Cancelled);
        assert!(state.counted.is_empty() && state.queues.is_empty());
    });
}

#[test]
fn a_job_from_before_its_message_was_given_another_time_is_void() {
    let due_in = |ahead: Millis| {
        let world = world(Audience::All, 10);
        world.with(|state| {
            let message = state.messages.get_mut(&MESSAGE).unwrap();
            (message.stage, message.release_at) = (Stage::Scheduled, Some(NOW.plus(ahead)));
        });
        (handle(&world, &first_job()), world)
    };
    let (done, world) = due_in(10_001);
    assert!(done.is_ok() && world.with(|state| state.queues.is_empty()));
    let (done, _) = due_in(10_000);
    assert!(matches!(done, Err(StageError::Later { delay: 10_000 })), "clocks differ");
    let (done, world) = due_in(0);
    assert!(done.is_ok() && world.with(|state| state.queues[&QueueName::Audience].len() == 64));
}

#[test]
fn a_message_that_is_given_another_time_as_its_job_begins_keeps_it() {
    for audience in [users(), Audience::All] {
        let world = world(audience, 10);
        world.with(|state| {
            let message = state.messages.get_mut(&MESSAGE).unwrap();
            (message.stage, message.release_at) = (Stage::Scheduled, Some(NOW));
            state.postpone_at = Some(2);
        });
        assert!(matches!(handle(&world, &first_job()), Err(StageError::Later { .. })), "clocks may differ");
        handle(&world, &first_job()).unwrap();
        world.with(|state| {
            assert_eq!(state.messages[&MESSAGE].stage, Stage::Scheduled);
            assert!(state.shards.is_empty() && state.queues.is_empty());
        });
    }
}

#[test]
fn a_recurring_message_is_never_enumerated() {
    let world = world(Audience::All, 10);
    world.with(|state| {
        let recurrence = Recurrence { cron: "* * * * *".into(), timezone: "UTC".into(), until: None, remaining: None };
        state.messages.get_mut(&MESSAGE).unwrap().schedule = Schedule::Recurring(recurrence);
    });
    handle(&world, &first_job()).unwrap();
    world.with(|state| assert!(state.queues.is_empty() && state.messages[&MESSAGE].stage == Stage::Accepted));
}

/// How many devices at most were sent in any second.
fn fastest_second(world: &World) -> usize {
    world.with(|state| {
        let mut seen = std::collections::BTreeSet::new();
        state.dispatched.sort_by_key(|(at, _)| *at);
        let mut pages = Vec::new();
        for (at, shard) in &state.dispatched {
            let new = shard.targets.iter().filter(|target| seen.insert(target.device)).count();
            pages.push((*at, new));
        }
        let within = |from: homing_domain::UnixMillis| {
            pages.iter().filter(|(at, _)| *at >= from && at.since(from) < 1_000).map(|(_, new)| new).sum()
        };
        pages.iter().map(|(at, _)| within(*at)).max().unwrap_or(0)
    })
}

fn paced(audience: Audience, devices: u32, rate: u32) -> Arc<World> {
    let world = world(audience, devices);
    world.with(|state| {
        let message = state.messages.get_mut(&MESSAGE).unwrap();
        message.options.rate_per_second = Some(rate);
        message.expires_at = NOW.plus(24 * 3_600_000);
    });
    world
}

#[test]
fn a_rate_is_kept_by_all_segments_together() {
    for rate in [20, 100] {
        let world = paced(Audience::All, 2_560, rate);
        run(&world, |_| {});
        assert_eq!(targets(&world).len(), 2_560);
        let took = world.with(|state| state.now.since(NOW));
        let ideal = 2_560 * 1_000 / u64::from(rate);
        assert!((ideal * 8 / 10..=ideal * 12 / 10).contains(&took), "{rate}: {took} ms");
        let fastest = fastest_second(&world);
        assert!(fastest <= rate as usize * 13 / 10, "{rate}: {fastest}");
    }
    let devices: Vec<_> = (0..600).map(|n| device(&app(), n, None, NOW).id).collect();
    let world = paced(Audience::Devices(devices), 600, 50);
    run(&world, |_| {});
    assert_eq!((targets(&world).len(), fastest_second(&world)), (600, 50));
}

#[test]
fn a_changed_rate_takes_effect_with_the_next_page() {
    let world = paced(Audience::Devices((0..600).map(|n| device(&app(), n, None, NOW).id).collect()), 0, 10);
    let speed_up = |world: &World| {
        world.with(|state| {
            if state.now.since(NOW) >= 10_000 {
                state.messages.get_mut(&MESSAGE).unwrap().options.rate_per_second = None;
            }
        });
    };
    run_with(&world, |_| {}, speed_up);
    assert_eq!(targets(&world).len(), 600);
    world.with(|state| assert_eq!(state.now, NOW.plus(10_000)));
}

#[test]
fn the_longest_rest_is_one_that_queues_allow() {
    let world = paced(Audience::All, 0, 1);
    world.with(|state| {
        let ids = (0..300_u32).map(|n| {
            let mut device = device(&app(), n, None, NOW.minus(1));
            device.id = homing_domain::DeviceId::from_bytes(u128::from(n).to_be_bytes());
            (device.id, device)
        });
        state.devices.extend(ids);
        let message = state.messages.get_mut(&MESSAGE).unwrap();
        message.options.rate_per_second = None;
    });
    let job = encode(&AudienceJob { message: MESSAGE, segment: Some(0), cursor: Cursor::Start });
    handle(&world, &job).unwrap();
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().options.rate_per_second = Some(1));
    handle(&world, &job).unwrap();
    let delays =
        world.with(|state| state.queues[&QueueName::Audience].iter().map(|item| item.delay).collect::<Vec<_>>());
    assert_eq!(delays, [0, QUEUE_DELAY_MAX]);
}

#[test]
fn urgent_messages_are_a_group_of_their_own() {
    let world = world(Audience::All, 10);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().options.priority = Priority::High);
    handle(&world, &first_job()).unwrap();
    world.with(|state| {
        let is_urgent = |item: &homing_ports::Outgoing| item.group.as_deref() == Some("demo/high");
        assert!(state.queues[&QueueName::Audience].iter().all(is_urgent));
    });
    world.with(|state| state.queues.clear());
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 10);
}
