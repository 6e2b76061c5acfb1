//! Every job runs more than once, fails before and after every port call, and meets a directory that changed in between.

mod completion;
mod control;
mod driver;
mod exclusion;
mod feed;
mod held;
mod lists;
mod recall;
mod users;
pub(crate) mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue::encode;
use homing_domain::{
    AppId, Audience, AudienceJob, Control, Cursor, DeviceId, Exclusion, Message, MessageId, Options, Priority,
    Schedule, Stage, UnixMillis, UserId,
};
use homing_ports::StageError;

use super::Fanout;
use driver::{fail_everywhere, handle, run, targets};
use world::{NOW, When, World, device};

const MESSAGE: MessageId = MessageId::from_bytes([7; 16]);

fn app() -> AppId {
    "demo".parse().unwrap()
}

fn user(n: u32) -> UserId {
    format!("user-{n}").parse().unwrap()
}

pub(crate) fn message(audience: Audience) -> Message {
    Message {
        id: MESSAGE,
        app: app(),
        audience,
        payload: Bytes::from_static(b"{}"),
        options: Options { ttl_seconds: 3_600, priority: Priority::Normal, collapse_key: None, ..Options::default() },
        body_sha256: [0; 32],
        accepted_at: NOW.minus(10),
        release_at: None,
        expires_at: NOW.plus(3_600_000),
        stage: Stage::Accepted,
        releasing_at: None,
        released_at: None,
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        schedule: Schedule::Now,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 0,
    }
}

fn world(audience: Audience, devices: u32) -> Arc<World> {
    let world = World::default();
    world.with(|state| {
        state.messages.insert(MESSAGE, message(audience));
        for n in 0..devices {
            let device = device(&app(), n, Some(&user(n / 16)), NOW.minus(1_000));
            state.devices.insert(device.id, device);
        }
    });
    Arc::new(world)
}

#[test]
fn a_list_of_devices_becomes_pages_of_256() {
    let devices: Vec<_> = (0..600).map(|n| device(&app(), n, None, NOW).id).collect();
    let wanted: BTreeSet<_> = devices.iter().copied().collect();
    fail_everywhere(
        || world(Audience::Devices(devices.clone()), 0),
        |_| {},
        |got| {
            assert_eq!(got.keys().copied().collect::<BTreeSet<_>>(), wanted);
        },
    );
}

#[test]
fn users_become_their_devices() {
    let users: Vec<_> = (0..24).map(user).collect();
    fail_everywhere(|| world(Audience::Users(users.clone()), 400), |_| {}, |got| assert_eq!(got.len(), 384));
}

#[test]
fn everyone_is_enumerated_in_segments_as_of_the_release() {
    let make = || {
        // 1,100 devices in 4 segments, so that a segment has two pages.
        let world = world(Audience::All, 0);
        world.with(|state| {
            for n in 0..1_100 {
                let mut device = device(&app(), n, None, NOW.minus(1_000));
                let mut id = *device.id.as_bytes();
                id[0] &= 0b1100_0000;
                device.id = DeviceId::from_bytes(id);
                state.devices.insert(device.id, device);
            }
        });
        world
    };
    let quiet = make();
    run(&quiet, |_| {});
    assert_eq!(targets(&quiet).len(), 1_100);
    // Whoever registers after the release began is not targeted, also when a repeat sees them.
    let register = |world: &World| {
        world.with(|state| {
            for n in 5_000..5_400 {
                let device = device(&app(), n, None, UnixMillis(NOW.0 + 1));
                state.devices.insert(device.id, device);
            }
        });
    };
    for at in [1, 2, 3, 4, 5, 6, 7, 8, 40, 80, 120] {
        for when in [When::Before, When::After] {
            let world = make();
            world.with(|state| state.fail_at = Some((at, when)));
            run(&world, register);
            assert_eq!(targets(&world).len(), 1_100);
        }
    }
}

#[test]
fn a_scheduled_message_is_released_when_its_job_comes() {
    let world = world(Audience::All, 10);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().stage = Stage::Scheduled);
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 10);
    world.with(|state| assert_eq!(state.messages[&MESSAGE].releasing_at, Some(NOW)));
}

#[test]
fn nobody_is_an_audience_too() {
    let world = world(Audience::All, 0);
    run(&world, |_| {});
    assert!(targets(&world).is_empty());
    world.with(|state| assert!(state.shards.values().all(|shard| shard.targets.is_empty())));
}

/// Found by the simulation: a repeat that found nobody any more dropped the page that its first run had stored.
#[test]
fn a_page_that_was_stored_is_sent_although_its_devices_are_gone() {
    let forget = |world: &World| world.with(|state| state.devices.clear());
    fail_everywhere(|| world(Audience::Users(vec![user(0)]), 16), forget, |_| {});
}

#[test]
fn what_cannot_succeed_is_poison() {
    let world = world(Audience::Devices(Vec::new()), 0);
    let poison = |body: &Bytes| assert!(matches!(handle(&world, body), Err(StageError::Poison { .. })));
    poison(&Bytes::from_static(b"{}"));
    let job = |message, segment, cursor| encode(&AudienceJob { message, segment, cursor });
    poison(&job(MessageId::from_bytes([9; 16]), None, Cursor::Start));
    poison(&job(MESSAGE, Some(1), Cursor::Start));
    poison(&job(MESSAGE, None, Cursor::After(DeviceId::from_bytes([1; 16]))));
}

#[test]
fn the_future_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: T) {}
    let fanout = Fanout::new(world(Audience::All, 0));
    is_send(fanout.handle(AudienceJob { message: MESSAGE, segment: None, cursor: Cursor::Start }));
}
