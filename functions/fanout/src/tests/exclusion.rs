//! Who is excluded is not targeted.

use std::collections::BTreeSet;
use std::sync::Arc;

use homing_domain::{Audience, Exclusion, Reason};
use homing_ports::StageError;

use super::driver::{fail_everywhere, first_job, handle, run, targets};
use super::lists::{LIST, device_member, upload, user_member};
use super::world::{NOW, World, device};
use super::{MESSAGE, app, user, world};

fn excluding(audience: Audience, exclude: Exclusion) -> Arc<World> {
    let world = world(audience, 64);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().exclude = exclude);
    world
}

fn reached(world: &Arc<World>) -> BTreeSet<u32> {
    run(world, |_| {});
    let number = |id: &homing_domain::DeviceId| u32::from(id.as_bytes()[0]);
    targets(world).keys().map(number).collect()
}

fn named(numbers: impl IntoIterator<Item = u32>) -> Vec<homing_domain::DeviceId> {
    numbers.into_iter().map(|n| device(&app(), n, None, NOW).id).collect()
}

/// Devices 0 to 63 are of users 0 to 3, 16 each.
#[test]
fn devices_and_users_by_name() {
    let by_device = Exclusion { devices: named([0, 5]), ..Exclusion::default() };
    let by_user = Exclusion { users: vec![user(0), user(3)], ..Exclusion::default() };
    for audience in [Audience::All, Audience::Devices(named(0..64)), Audience::Users((0..4).map(user).collect())] {
        let without: BTreeSet<_> = (0..64).filter(|n| ![0, 5].contains(n)).collect();
        assert_eq!(reached(&excluding(audience.clone(), by_device.clone())), without);
        assert_eq!(reached(&excluding(audience, by_user.clone())), (16..48).collect());
    }
}

#[test]
fn whom_an_expression_holds_for() {
    let exclude = Exclusion { expression: Some("has user".parse().unwrap()), ..Exclusion::default() };
    let world = excluding(Audience::All, exclude);
    world.with(|state| state.devices.values_mut().take(2).for_each(|device| device.user = None));
    assert_eq!(reached(&world), [0, 1].into());
}

#[test]
fn whoever_stands_on_a_list() {
    let exclude = Exclusion { uploaded: Some(LIST), ..Exclusion::default() };
    let make = |members: Vec<_>| {
        let world = excluding(Audience::All, exclude.clone());
        upload(&world, members);
        world
    };
    assert_eq!(reached(&make(vec![user_member(user(1)), user_member(user(2))])), (0..16).chain(48..64).collect());
    assert_eq!(reached(&make(named(8..64).into_iter().map(device_member).collect())), (0..8).collect());
    let users = || make(vec![user_member(user(1))]);
    fail_everywhere(users, |_| {}, |got| assert_eq!(got.len(), 48));
    // A device that nobody is known to use is not on a list of users.
    let unknown = excluding(Audience::Devices(named(100..103)), exclude.clone());
    upload(&unknown, vec![user_member(user(1))]);
    assert_eq!(reached(&unknown).len(), 3);
}

#[test]
fn rather_nobody_than_those_on_a_list_that_is_gone() {
    let world = excluding(Audience::Devices(named(0..3)), Exclusion { uploaded: Some(LIST), ..Exclusion::default() });
    assert!(matches!(handle(&world, &first_job()), Err(StageError::Poison { .. })));
    world.with(|state| assert!(state.shards.is_empty() && state.dispatched.is_empty()));
}

#[test]
fn the_directory_is_read_only_where_it_matters() {
    let lookups = |silent: bool, exclude: Exclusion, recalls| {
        let world = excluding(Audience::Devices(named(0..3)), exclude);
        world.with(|state| {
            let message = state.messages.get_mut(&MESSAGE).unwrap();
            (message.options.silent, message.recalls) = (silent, recalls);
            state.devices.values_mut().for_each(|device| device.profile.notifications_enabled = false);
        });
        run(&world, |_| {});
        let refused = targets(&world).values().filter(|target| target.refusal.is_some()).count();
        (world.with(|state| state.lookups), refused)
    };
    let by_user = Exclusion { users: vec![user(9)], ..Exclusion::default() };
    let by_device = Exclusion { devices: named([9]), ..Exclusion::default() };
    assert_eq!(lookups(true, by_device.clone(), None), (0, 0));
    assert_eq!(lookups(true, by_user.clone(), None), (1, 0));
    assert_eq!(lookups(false, by_device, Some(MESSAGE)), (0, 0), "what takes back goes where it must");
    assert_eq!(lookups(false, by_user, Some(MESSAGE)), (1, 0));
    assert_eq!(lookups(false, Exclusion::default(), None), (1, 3));
}

#[test]
fn a_device_that_is_unknown_or_anothers_is_targeted_as_it_is() {
    let world = world(Audience::Devices(named(0..3)), 2);
    world.with(|state| {
        state.devices.values_mut().for_each(|device| device.profile.notifications_enabled = false);
        state.devices.values_mut().next().unwrap().app = "other".parse().unwrap();
    });
    run(&world, |_| {});
    let refusals: Vec<_> = targets(&world).values().map(|target| target.refusal).collect();
    assert_eq!(refusals, [None, Some(Reason::NotificationsOff), None]);
}
