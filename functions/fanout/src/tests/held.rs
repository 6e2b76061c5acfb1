//! Devices that are held go on when their moment has come, all of them and not before.

use std::collections::BTreeSet;
use std::sync::Arc;

use homing_contract::queue::encode;
use homing_domain::limits::{MESSAGE_MAX_HOLDS, QUEUE_DELAY_MAX};
use homing_domain::{Audience, Flow, HeldJob, MessageChange, Millis, QuietHours, ShardId, Stage, UnixMillis};
use homing_ports::{Messages as _, QueueName, StageError};

use super::driver::{fail_everywhere, fail_everywhere_with, first_job, handle, run, run_with, targets};
use super::world::{NOW, World, device};
use super::{MESSAGE, app, user, world};

const HOUR: Millis = 3_600_000;

/// A third of the devices sleeps until 07:00, a third until 08:00 UTC.
fn night(audience: Audience, devices: u32) -> Arc<World> {
    let world = world(audience, devices);
    world.with(|state| {
        let message = state.messages.get_mut(&MESSAGE).unwrap();
        message.options.ttl_seconds = 86_400;
        message.expires_at = NOW.plus(24 * HOUR);
        for (n, device) in state.devices.values_mut().enumerate() {
            let end = u16::try_from(6 + n % 3).unwrap() * 60;
            device.preferences.quiet_hours = (end > 360).then_some(QuietHours { start: 22 * 60, end });
        }
    });
    world
}

fn seven() -> UnixMillis {
    UnixMillis(1_700_031_600_000)
}

fn first_sent(world: &World) -> Vec<(UnixMillis, usize)> {
    let mut times: Vec<(UnixMillis, BTreeSet<_>)> = Vec::new();
    let mut seen = BTreeSet::new();
    world.with(|state| {
        state.dispatched.sort_by_key(|(at, _)| *at);
        for (at, shard) in &state.dispatched {
            for target in &shard.targets {
                if seen.insert(target.device) {
                    match times.last_mut().filter(|(last, _)| last == at) {
                        Some((_, devices)) => _ = devices.insert(target.device),
                        None => times.push((*at, [target.device].into())),
                    }
                }
            }
        }
    });
    times.into_iter().map(|(at, devices)| (at, devices.len())).collect()
}

#[test]
fn each_goes_on_at_its_moment() {
    let world = night(Audience::Devices((0..600).map(|n| device(&app(), n, None, NOW).id).collect()), 600);
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 600);
    assert_eq!(first_sent(&world), [(NOW, 200), (seven(), 200), (seven().plus(HOUR), 200)]);
}

#[test]
fn no_crash_leaves_one_behind() {
    let users: Vec<_> = (0..8).map(user).collect();
    fail_everywhere(
        || night(Audience::Users(users.clone()), 100),
        |_| {},
        |got| {
            assert_eq!(got.values().filter(|target| target.hold.is_some()).count(), 66);
        },
    );
    // Preferences that change in between change nothing that is stored, and every page is of one time.
    let wake = |world: &World| {
        world.with(|state| {
            state.devices.values_mut().for_each(|device| device.preferences.quiet_hours = None);
        });
    };
    fail_everywhere(|| night(Audience::Users(users.clone()), 100), wake, |got| assert_eq!(got.len(), 100));
    fail_everywhere(|| night(Audience::All, 90), wake, |got| assert_eq!(got.len(), 90));
}

#[test]
fn lost_timers_delay_and_lose_nothing() {
    let lose = |world: &World| world.with(|state| state.ticks.clear());
    let make = || night(Audience::All, 30);
    fail_everywhere_with(make, |_| {}, lose, |got| assert_eq!(got.len(), 30));
}

#[test]
fn a_moment_that_is_as_near_as_clocks_are_apart_waits_in_the_queue() {
    let world = night(Audience::All, 3);
    world.with(|state| state.now = seven().minus(5_000));
    run(&world, |_| {});
    targets(&world);
    let times = first_sent(&world);
    assert_eq!(times[1], (seven(), 1), "{times:?}");
    // Nobody has to look for it.
    let world = night(Audience::All, 3);
    world.with(|state| state.now = seven().minus(5_000));
    let forget = |world: &World| {
        world.with(|state| {
            state.ticks.clear();
            state.messages.get_mut(&MESSAGE).unwrap().holds.retain(|hold| *hold != seven());
        });
    };
    run_with(&world, |_| {}, forget);
    assert_eq!(targets(&world).len(), 3);
}

#[test]
fn too_many_moments_become_hours() {
    let world = night(Audience::All, 3);
    let odd: Vec<_> = (0..MESSAGE_MAX_HOLDS as u64 - 1).map(|n| NOW.plus(20 * HOUR + n)).collect();
    world.with(|state| {
        let sleeper = state.devices.values_mut().nth(1).unwrap();
        sleeper.preferences.quiet_hours = Some(QuietHours { start: 22 * 60, end: 7 * 60 + 30 });
        state.messages.get_mut(&MESSAGE).unwrap().holds = odd;
    });
    run(&world, |_| {});
    let got: BTreeSet<_> = targets(&world).values().filter_map(|target| target.hold).collect();
    assert_eq!(got, [seven().plus(HOUR)].into(), "07:30 and 08:00 are one moment");
}

#[test]
fn a_message_that_waits_for_too_much_makes_its_page_later() {
    let world = night(Audience::Users(vec![user(0)]), 3);
    let odd: Vec<_> = (0..MESSAGE_MAX_HOLDS as u64).map(|n| NOW.plus(20 * HOUR + n)).collect();
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().holds = odd);
    assert!(matches!(handle(&world, &first_job()), Err(StageError::Later { .. })));
    world.with(|state| assert!(state.shards.is_empty() && state.ticks.is_empty()));
}

fn held(at: UnixMillis) -> bytes::Bytes {
    encode(&HeldJob { message: MESSAGE, at, after: None })
}

/// A message whose pages are made; nobody was woken yet.
fn enumerated() -> Arc<World> {
    let world = night(Audience::Users((0..8).map(user).collect()), 100);
    handle(&world, &first_job()).unwrap();
    world.with(|state| {
        state.dispatched.clear();
        state.queues.clear();
    });
    world
}

#[test]
fn a_job_for_a_moment_waits_for_it_and_for_a_paused_message() {
    let world = enumerated();
    let later = |world: &Arc<World>| match handle(world, &held(seven())) {
        Err(StageError::Later { delay }) => delay,
        other => panic!("{other:?}"),
    };
    assert_eq!(later(&world), QUEUE_DELAY_MAX);
    world.with(|state| state.now = seven().minus(7));
    assert_eq!(later(&world), 7);
    world.with(|state| {
        state.now = seven();
        state.messages.get_mut(&MESSAGE).unwrap().control.flow = Flow::Paused;
    });
    assert_eq!(later(&world), 2_000);
    world.with(|state| {
        let message = state.messages.get_mut(&MESSAGE).unwrap();
        message.control.flow = Flow::Running;
        message.options.rate_per_second = Some(1);
    });
    handle(&world, &held(seven())).unwrap();
    assert_eq!(world.with(|state| state.dispatched.len()), 1);
}

#[test]
fn whoever_is_held_by_a_stopped_message_goes_on_to_be_ended() {
    for flow in [Flow::Aborted, Flow::Recalled] {
        let world = enumerated();
        world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().control.flow = flow);
        handle(&world, &held(seven())).unwrap();
        world.with(|state| {
            assert_eq!(state.dispatched.iter().map(|(_, shard)| shard.targets.len()).sum::<usize>(), 33);
            assert_eq!(state.messages[&MESSAGE].holds, [seven().plus(HOUR)]);
            state.messages.get_mut(&MESSAGE).unwrap().stage = Stage::Releasing;
        });
        let next = held(seven().plus(HOUR));
        assert!(matches!(handle(&world, &next), Err(StageError::Later { delay: 2_000 })), "pages may be under way");
        world.with(|state| state.now = seven().plus(HOUR));
        handle(&world, &next).unwrap();
    }
}

#[test]
fn a_moment_that_is_over_or_unknown_does_nothing() {
    let world = enumerated();
    handle(&world, &held(seven().plus(1))).unwrap();
    let change = world.change(MESSAGE, MessageChange::EndHold(seven()));
    futures_util::FutureExt::now_or_never(change).unwrap().unwrap().unwrap().unwrap();
    handle(&world, &held(seven())).unwrap();
    assert!(world.with(|state| state.dispatched.is_empty()));
}

#[test]
fn held_devices_go_on_at_the_rate_of_the_message() {
    let world = night(Audience::Users((0..8).map(user).collect()), 120);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().options.rate_per_second = Some(10));
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 120);
    // One page a user, with 5 or 6 devices of each moment.
    let at_seven: Vec<_> = first_sent(&world).into_iter().filter(|(at, _)| *at < seven().plus(HOUR)).skip(1).collect();
    let held: Vec<_> = at_seven.iter().filter(|(at, _)| *at >= seven()).collect();
    assert_eq!(held.iter().map(|(_, devices)| devices).sum::<usize>(), 40);
    for pair in held.windows(2) {
        assert!(pair[1].0.since(pair[0].0) >= pair[0].1 as u64 * 100, "{held:?}");
    }
    assert!(held.len() >= 3);
}

#[test]
fn a_large_message_is_looked_through_in_many_jobs() {
    let world = enumerated();
    world.with(|state| {
        let page = state.shards.values().next().unwrap().clone();
        for n in 0..40_u8 {
            let id = ShardId::from_bytes([n; 16]);
            state.shards.insert(id, homing_domain::Shard { id, ..page.clone() });
        }
        state.now = seven();
    });
    let mut job = held(seven());
    let mut jobs = 0;
    loop {
        handle(&world, &job).unwrap();
        jobs += 1;
        let Some(next) = world.take(QueueName::Audience) else { break };
        job = next.body;
    }
    assert_eq!(jobs, 3);
    world.with(|state| {
        let sent: BTreeSet<_> = state.dispatched.iter().map(|(_, shard)| shard.id).collect();
        assert_eq!(sent.len(), state.shards.len());
        assert!(!state.messages[&MESSAGE].holds.contains(&seven()));
    });
}
