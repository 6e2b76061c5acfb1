//! What goes by the feed of its app is named in no page, and everything else as before.

use std::collections::BTreeSet;
use std::sync::Arc;

use homing_domain::limits::{LANE_CHANGES_AFTER, PAUSE_POLL};
use homing_domain::{
    Audience, DeliveryPolicy, DeviceId, Exclusion, FeedAction, FeedJob, Lane, LaneChange, Message, QuietHoursPolicy,
    Schedule, Shard, Stage, Target, WallTime,
};
use homing_ports::{QueueName, StageError};

use super::driver::{fail_everywhere, first_job, handle, run, targets};
use super::lists::{LIST, device_member, upload};
use super::recall::{OTHER, sent_before};
use super::world::{NOW, When, World, device};
use super::{MESSAGE, app, world};

const BRING: FeedJob = FeedJob { message: MESSAGE, action: FeedAction::Bring };

fn edit(world: &World, change: impl FnOnce(&mut Message)) {
    world.with(|state| change(state.messages.get_mut(&MESSAGE).unwrap()));
}

/// Devices of every kind of past, whose turns come round: each third has always been in the feed.
fn of_both_lanes(audience: Audience) -> Arc<World> {
    let world = world(audience, 600);
    world.with(|state| {
        for (n, device) in state.devices.values_mut().enumerate() {
            let change = |at, to| LaneChange { at, to };
            device.lanes = match n % 6 {
                0 | 3 => Vec::new(),
                1 => vec![change(NOW, Lane::Pages)],
                2 => vec![change(NOW.plus(1), Lane::Pages)],
                4 => vec![change(NOW.minus(9), Lane::Pages), change(NOW.plus(LANE_CHANGES_AFTER), Lane::Feed)],
                _ => vec![change(NOW.minus(9), Lane::Pages), change(NOW, Lane::Feed)],
            };
            device.tags = if n % 7 == 0 { vec!["staff".to_owned()] } else { Vec::new() };
        }
    });
    world
}

#[test]
fn each_device_is_reached_by_one_way() {
    let staff = || "staff".parse().unwrap();
    for (audience, exclude) in [
        (Audience::All, Exclusion::default()),
        (Audience::All, Exclusion { expression: Some(staff()), ..Exclusion::default() }),
        (Audience::Expression("!staff".parse().unwrap()), Exclusion::default()),
    ] {
        let spares_staff = audience != Audience::All || !exclude.is_empty();
        let make = || {
            let world = of_both_lanes(audience.clone());
            edit(&world, |message| message.exclude = exclude.clone());
            world
        };
        let quiet = make();
        run(&quiet, |_| {});
        let (begun, devices) = quiet.with(|state| (state.messages[&MESSAGE].clone(), state.devices.clone()));
        assert_eq!((begun.feed_after, begun.releasing_at), (Some(41), Some(NOW)));
        let paged: BTreeSet<_> = targets(&quiet).keys().copied().collect();
        for (n, device) in devices.values().enumerate() {
            let is_meant = !(spares_staff && n % 7 == 0);
            assert_eq!(paged.contains(&device.id), is_meant && matches!(n % 6, 1 | 4), "{n}");
            assert_eq!(begun.rendering_in_feed(device).is_some(), is_meant && !matches!(n % 6, 1 | 4), "{n}");
        }
        // Which way a device goes is not decided anew when it changes.
        let change_lanes = |world: &World| {
            world.with(|state| {
                for device in state.devices.values_mut() {
                    let to = if device.lane_at(NOW) == Lane::Feed { Lane::Pages } else { Lane::Feed };
                    device.lanes.push(LaneChange { at: NOW.plus(LANE_CHANGES_AFTER), to });
                }
            });
        };
        fail_everywhere(make, change_lanes, |got| assert_eq!(got.keys().copied().collect::<BTreeSet<_>>(), paged));
    }
}

#[test]
fn a_crash_after_the_release_began_loses_no_feed_job() {
    let world = of_both_lanes(Audience::All);
    // The message, the head, the beginning, and then the job.
    for (call, when) in [(3, When::After), (4, When::Before)] {
        world.with(|state| (state.calls, state.fail_at) = (if call == 3 { 0 } else { 2 }, Some((call, when))));
        assert!(matches!(handle(&world, &first_job()), Err(StageError::Port(_))));
        world.with(|state| {
            assert_eq!((state.messages[&MESSAGE].feed_after, &state.feed_jobs[..]), (Some(41), &[][..]));
            // Meanwhile the feed has grown.
            state.feed_head = 50;
        });
    }
    world.with(|state| state.fail_at = None);
    handle(&world, &first_job()).unwrap();
    world.with(|state| {
        assert_eq!((state.messages[&MESSAGE].feed_after, &state.feed_jobs[..]), (Some(41), &[BRING][..]));
    });
    handle(&world, &first_job()).unwrap();
    world.with(|state| assert_eq!(state.feed_jobs, [BRING, BRING], "dispatch puts it there once"));
}

#[test]
fn the_feed_comes_before_the_pages() {
    let world = of_both_lanes(Audience::All);
    handle(&world, &first_job()).unwrap();
    world.with(|state| {
        assert_eq!((&state.feed_jobs[..], state.shards.len()), (&[BRING][..], 0));
        assert_eq!(state.queues[&QueueName::Audience].len(), 64);
    });
}

#[test]
fn what_needs_a_decision_for_each_device_goes_by_pages_alone() {
    type Change = fn(&mut Message);
    let changes: [(&str, Change); 8] = [
        ("a rate", |message| message.options.rate_per_second = Some(100_000)),
        ("a collapse key", |message| message.options.collapse_key = Some("k".to_owned())),
        ("now or never", |message| message.options.ttl_seconds = 0),
        ("read sync", |message| message.options.sync_read = true),
        ("vendors alone", |message| message.options.delivery = DeliveryPolicy::VendorOnly),
        ("a local time", |message| {
            message.schedule =
                Schedule::AtLocal(WallTime { year: 2023, month: 11, day: 14, hour: 22, minute: 0, second: 0 });
        }),
        ("a list that is excluded", |message| message.exclude.uploaded = Some(LIST)),
        ("a list", |message| message.audience = Audience::Uploaded(LIST)),
    ];
    for (name, change) in changes {
        let world = of_both_lanes(Audience::All);
        let everyone: Vec<_> = world.with(|state| state.devices.keys().copied().collect());
        edit(&world, change);
        let is_excluding = world.with(|state| state.messages[&MESSAGE].exclude.uploaded.is_some());
        upload(&world, everyone.iter().skip(if is_excluding { 600 } else { 0 }).copied().map(device_member).collect());
        run(&world, |_| {});
        world.with(|state| {
            assert_eq!((state.messages[&MESSAGE].feed_after, state.feed_jobs.len()), (None, 0), "{name}");
        });
        assert_eq!(targets(&world).len(), 600, "{name}");
    }
}

#[test]
fn where_lanes_do_not_matter_there_is_one_empty_page() {
    let make = || {
        let world = of_both_lanes(Audience::All);
        world.with(|state| state.asks = true);
        edit(&world, |message| {
            (message.options.delivery, message.options.quiet_hours) =
                (DeliveryPolicy::OwnOnly, QuietHoursPolicy::Ignore);
        });
        world
    };
    fail_everywhere(make, |_| {}, |got| assert!(got.is_empty()));
    let world = make();
    run(&world, |_| {});
    world.with(|state| {
        let pages: Vec<_> = state.shards.values().map(|shard| (shard.targets.len(), shard.next)).collect();
        assert_eq!((pages, state.messages[&MESSAGE].stage), (vec![(0, None)], Stage::Released));
        assert_eq!(state.listings, 0, "nobody looks for devices");
        assert!(state.events.is_empty() && state.tally_reads == 0, "closing completes it, and tells of it");
    });
}

#[test]
fn devices_of_the_feed_fill_no_pages() {
    let world = world(Audience::All, 0);
    world.with(|state| {
        // All in one segment, and two of them for pages.
        for n in 0..3_000 {
            let mut device = device(&app(), n, None, NOW.minus(1_000));
            let mut id = *device.id.as_bytes();
            id[0] = 0;
            device.id = DeviceId::from_bytes(id);
            if n != 7 && n != 2_900 {
                device.lanes.clear();
            }
            state.devices.insert(device.id, device);
        }
    });
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 2);
    world.with(|state| assert_eq!(state.shards.len(), 63 + 2, "of which one saw 8 x 256 devices"));
}

#[test]
fn a_stopped_message_is_not_brought_by_a_repeat() {
    let world = of_both_lanes(Audience::All);
    handle(&world, &first_job()).unwrap();
    edit(&world, |message| message.control.flow = homing_domain::Flow::Aborted);
    handle(&world, &first_job()).unwrap();
    assert_eq!(world.with(|state| state.feed_jobs.len()), 1);
}

/// The message to be recalled went by the feed, and by pages to these.
fn recall_of_broadcast() -> Arc<World> {
    let world = sent_before(&[10, 256]);
    world.with(|state| state.messages.get_mut(&OTHER).unwrap().feed_after = Some(17));
    world
}

#[test]
fn a_recall_goes_both_ways_if_its_message_did() {
    fail_everywhere(recall_of_broadcast, |_| {}, |got| assert_eq!(got.len(), 9 + 255));
    let world = recall_of_broadcast();
    run(&world, |_| {});
    world.with(|state| assert_eq!(state.messages[&MESSAGE].feed_after, Some(41)));
    let paged = sent_before(&[10]);
    run(&paged, |_| {});
    assert_eq!(targets(&paged).len(), 9);
    paged.with(|state| assert_eq!((state.messages[&MESSAGE].feed_after, state.feed_jobs.len()), (None, 0)));
}

#[test]
fn a_recall_by_the_feed_does_not_wait_for_pages() {
    let world = recall_of_broadcast();
    world.with(|state| state.messages.get_mut(&OTHER).unwrap().stage = Stage::Releasing);
    assert!(matches!(handle(&world, &first_job()), Err(StageError::Later { delay: PAUSE_POLL })));
    world.with(|state| assert_eq!(state.feed_jobs, [BRING]));
}

#[test]
fn only_the_first_job_of_a_recall_goes_to_the_feed() {
    let world = recall_of_broadcast();
    world.with(|state| {
        // More pages than one job reads.
        for n in 0..20_u8 {
            let id = homing_domain::ShardId::from_bytes([0x80 + n; 16]);
            let targets = vec![Target::plain(DeviceId::from_bytes([0x80 + n; 16]), None)];
            state.shards.insert(id, Shard { id, message: OTHER, targets, next: None });
        }
    });
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 9 + 255 + 20);
    world.with(|state| assert_eq!(state.feed_jobs.len(), 2, "it ran twice"));
}
