//! What the two items of a device say of its vendor and its lane, also when a change dies half-way.

mod tokens;
mod world;

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

use homing_credentials::{DeviceKeys, FleetSecret};
use homing_domain::limits::LANE_CHANGES_AFTER;
use homing_domain::{
    AppId, Device, DeviceId, DeviceProfile, Lane, LaneChange, Platform, QuietHours, UnixMillis, UserId, VendorToken,
};
use homing_ports::Entropy;

use self::world::{World, run};
use crate::{RegisterError, Registration, UpdateError, bind_user, register, update_device};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
/// More calls than any change makes.
const CALLS_MAX: usize = 12;

struct NoEntropy;

impl Entropy for NoEntropy {
    fn random_16(&self) -> [u8; 16] {
        [7; 16]
    }
}

fn token(text: &str) -> VendorToken {
    VendorToken { channel: "fcm".to_owned(), token: text.to_owned(), since: NOW }
}

fn registered(world: &World, vendor: Option<VendorToken>) -> Result<Device, RegisterError> {
    registered_as(world, "a key of the device's own", vendor)
}

fn registered_as(world: &World, key: &str, vendor: Option<VendorToken>) -> Result<Device, RegisterError> {
    let app: AppId = "demo".parse().unwrap();
    let profile = DeviceProfile {
        platform: Platform::Android,
        brand: None,
        model: None,
        os_version: None,
        app_version: None,
        locale: None,
        timezone: None,
        notifications_enabled: true,
    };
    let registration = Registration { app: &app, profile, vendor, idempotency_key: Some(key) };
    let keys = DeviceKeys::derived(&FleetSecret::new([9; 32]), 1);
    run(register(world, &keys, &NoEntropy, NOW, registration))
}

fn reported(world: &World, id: DeviceId, vendor: Option<VendorToken>) -> Result<Device, UpdateError<Infallible>> {
    run(update_device(world, id, NOW, |device| {
        device.vendor.clone_from(&vendor);
        Ok(())
    }))
}

/// Whether mailbox and row agree, and the lane follows from the row.
fn assert_agreed(world: &World, id: DeviceId, has_vendor: bool) {
    let (mailbox, row) = world.items(id);
    assert_eq!((mailbox.has_vendor, row.vendor.is_some()), (has_vendor, has_vendor));
    let lane = if has_vendor { Lane::Pages } else { Lane::Feed };
    assert_eq!(row.lane_at(UnixMillis::NEVER), lane, "{:?}", row.lanes);
}

#[test]
fn a_device_registers_with_its_vendor_and_its_lane() {
    for vendor in [None, Some(token("a"))] {
        let world = World::default();
        let device = registered(&world, vendor.clone()).unwrap();
        assert_agreed(&world, device.id, vendor.is_some());
        assert_eq!(device.lane_at(NOW), Lane::Feed, "whoever lists the devices just now may not see it");
        assert_eq!(world.items(device.id).1, device);
    }
}

#[test]
fn the_mailbox_is_told_before_the_row_and_only_when_something_changes() {
    let world = World::default();
    let id = registered(&world, None).unwrap().id;
    let steps: [(Option<VendorToken>, &[&str]); 6] = [
        (Some(token("a")), &["device", "set_vendor", "replace_device"]),
        (Some(token("a")), &["device", "mailbox"]),
        (Some(token("b")), &["device", "mailbox", "replace_device"]),
        (None, &["device", "set_vendor", "replace_device"]),
        (None, &["device"]),
        (Some(token("c")), &["device", "set_vendor", "replace_device"]),
    ];
    for (vendor, expected) in steps {
        world.take_calls();
        reported(&world, id, vendor.clone()).unwrap();
        assert_eq!(world.take_calls(), expected, "{vendor:?}");
        assert_agreed(&world, id, vendor.is_some());
    }
}

#[test]
fn a_report_that_died_anywhere_is_repaired_by_the_next() {
    for (before, after, then) in [
        (None, Some(token("a")), Some(token("a"))),
        (Some(token("a")), None, None),
        // The device thinks better of it.
        (Some(token("a")), None, Some(token("a"))),
    ] {
        for takes_effect in [false, true] {
            for at in 0..CALLS_MAX {
                let world = World::default();
                let id = registered(&world, before.clone()).unwrap().id;
                world.crash_at(at, takes_effect);
                let died = reported(&world, id, after.clone()).is_err();
                world.mend();
                reported(&world, id, then.clone()).unwrap();
                assert_agreed(&world, id, then.is_some());
                assert!(died || at >= 3, "it has three calls");
            }
        }
    }
}

#[test]
fn a_registration_that_died_anywhere_is_repaired_by_the_next() {
    for (first, second) in [(None, Some(token("a"))), (Some(token("a")), None), (Some(token("a")), Some(token("a")))] {
        for takes_effect in [false, true] {
            for at in 0..CALLS_MAX {
                let world = World::default();
                world.crash_at(at, takes_effect);
                let died = registered(&world, first.clone()).is_err();
                world.mend();
                let device = registered(&world, second.clone()).unwrap();
                // Once the row is there, a repeat changes nothing but the index behind it.
                let is_first = !died || at == 1 && takes_effect || at == 2;
                let vendor = if is_first { &first } else { &second };
                assert_eq!(device.vendor, *vendor);
                assert_agreed(&world, device.id, vendor.is_some());
            }
        }
    }
}

#[test]
fn a_mailbox_from_before_there_were_vendors_learns_at_the_next_report() {
    let world = World::default();
    let id = registered(&world, Some(token("a"))).unwrap().id;
    world.change_mailbox(id, |mailbox| mailbox.has_vendor = false);
    let before = world.items(id).1.revision;
    reported(&world, id, Some(token("a"))).unwrap();
    assert_agreed(&world, id, true);
    assert_eq!(world.items(id).1.revision, before + 1, "a removal under way must begin again");
}

#[test]
fn of_two_reports_at_once_row_and_mailbox_keep_the_same() {
    for (mine, theirs) in [(Some(token("a")), None), (None, Some(token("b")))] {
        for start in [None, Some(token("start"))] {
            let world = World::default();
            let id = registered(&world, start).unwrap().id;
            let is_first = AtomicBool::new(true);
            run(update_device(&world, id, NOW, |device| {
                if is_first.swap(false, Ordering::Relaxed) {
                    // All of theirs happens between my read and my writes.
                    reported(&world, id, theirs.clone()).unwrap();
                }
                device.vendor.clone_from(&mine);
                Ok::<_, Infallible>(())
            }))
            .unwrap();
            // Whichever came last.
            assert_agreed(&world, id, world.items(id).1.vendor.is_some());
        }
    }
}

#[test]
fn every_write_of_a_row_notes_the_lane() {
    let world = World::default();
    let id = registered(&world, None).unwrap().id;
    run(update_device(&world, id, NOW, |device| {
        device.preferences.quiet_hours = Some(QuietHours { start: 0, end: 60 });
        Ok::<_, Infallible>(())
    }))
    .unwrap();
    let change = LaneChange { at: NOW.plus(LANE_CHANGES_AFTER), to: Lane::Pages };
    assert_eq!(world.items(id).1.lanes, [change]);
    world.change_row(id, |row| row.lanes.clear());
    run(bind_user(&world, id, Some(&"alice".parse().unwrap()), || NOW)).unwrap();
    assert_eq!(world.items(id).1.lanes, [change]);
}

fn bound(world: &World, id: DeviceId, user: Option<&UserId>) -> Device {
    run(bind_user(world, id, user, || world.later())).unwrap()
}

#[test]
fn a_device_changes_hands_by_way_of_nobody() {
    let (ada, bo): (UserId, UserId) = ("ada".parse().unwrap(), "bo".parse().unwrap());
    let world = World::default();
    let id = registered(&world, None).unwrap().id;
    bound(&world, id, Some(&ada));
    world.take_calls();
    let user_since = world.items(id).1.user_since;
    bound(&world, id, Some(&ada));
    assert_eq!(world.take_calls(), ["device", "bind", "replace_device"]);
    assert_eq!(world.items(id).1.user_since, user_since, "since the first time");
    let device = bound(&world, id, Some(&bo));
    assert_eq!(world.take_calls(), ["device", "bind", "replace_device", "replace_device"]);
    let nobody_since = world.nobody_since();
    assert!(device.user_since.is_some_and(|since| since > nobody_since), "{nobody_since:?}, then {device:?}");
    assert_eq!(device.user, Some(bo));
    let device = bound(&world, id, None);
    assert_eq!((device.user, device.user_since), (None, None));
}

#[test]
fn a_bind_that_died_anywhere_leaves_nobody_of_before_and_is_repaired_by_the_next() {
    let (ada, bo): (UserId, UserId) = ("ada".parse().unwrap(), "bo".parse().unwrap());
    for takes_effect in [false, true] {
        for at in 0..4 {
            let world = World::default();
            let id = registered(&world, None).unwrap().id;
            run(bind_user(&world, id, Some(&ada), || NOW)).unwrap();
            world.crash_at(at, takes_effect);
            assert!(run(bind_user(&world, id, Some(&bo), || NOW)).is_err(), "it has four calls");
            world.mend();
            run(bind_user(&world, id, Some(&bo), || NOW)).unwrap();
            let (mailbox, row) = world.items(id);
            assert_eq!((mailbox.user, row.user.as_ref()), (Some(bo.hash()), Some(&bo)));
        }
    }
}
