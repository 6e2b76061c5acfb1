//! Whose a vendor's token is, also when a report dies half-way.

use std::convert::Infallible;

use homing_domain::{Device, DeviceId, VendorToken};

use super::world::{World, run};
use super::{CALLS_MAX, NOW, registered, registered_as, token};
use crate::{UpdateError, deregister, report_device};

fn reported(world: &World, id: DeviceId, vendor: Option<VendorToken>) -> Result<Device, UpdateError<Infallible>> {
    run(report_device(world, id, NOW, |device: &mut Device| {
        device.vendor.clone_from(&vendor);
        Ok(())
    }))
}

/// Of the tokens `a` and `b` the index knows what the rows say.
fn assert_owned(world: &World, devices: &[DeviceId]) {
    for text in ["a", "b"] {
        let has = |id: &&DeviceId| {
            world.has_row(**id) && world.items(**id).1.vendor.is_some_and(|vendor| vendor.token == text)
        };
        let owners: Vec<_> = devices.iter().filter(has).collect();
        assert_eq!(owners.first().copied(), world.owner(text).as_ref(), "{text}");
        assert!(owners.len() <= 1, "{text} has {} owners", owners.len());
    }
}

#[test]
fn the_index_follows_what_a_device_reports() {
    let world = World::default();
    let id = registered(&world, Some(token("a"))).unwrap().id;
    assert_eq!(world.owner("a"), Some(id));
    for vendor in [Some(token("b")), None, Some(token("a")), Some(token("a"))] {
        reported(&world, id, vendor.clone()).unwrap();
        assert_eq!(world.items(id).1.vendor, vendor);
        assert_owned(&world, &[id]);
    }
    run(deregister(&world, id, NOW)).unwrap();
    assert_eq!((world.owner("a"), world.has_row(id)), (None, false));
}

#[test]
fn an_app_that_was_installed_anew_takes_its_token_from_its_former_life() {
    let world = World::default();
    let before = registered_as(&world, "the app before", Some(token("a"))).unwrap().id;
    let after = registered_as(&world, "the app after", Some(token("a"))).unwrap().id;
    assert_eq!(world.owner("a"), Some(after));
    assert_eq!(world.items(before).1.vendor, None);
    assert!(!world.items(before).0.has_vendor, "dispatch does not ask for it any more");
    run(deregister(&world, before, NOW)).unwrap();
    assert_eq!(world.owner("a"), Some(after), "going it takes nothing along");
}

#[test]
fn of_two_devices_that_report_one_token_one_has_it_wherever_either_died() {
    for takes_effect in [false, true] {
        for at in 0..2 * CALLS_MAX {
            let world = World::default();
            let first = registered_as(&world, "one", Some(token("a"))).unwrap().id;
            let second = registered_as(&world, "two", Some(token("b"))).unwrap().id;
            world.crash_at(at, takes_effect);
            let died = reported(&world, second, Some(token("a"))).is_err();
            world.mend();
            reported(&world, second, Some(token("a"))).unwrap();
            // A process that died between the claim and the other's row leaves that to the other's next report.
            reported(&world, first, world.items(first).1.vendor).unwrap();
            let owners = [first, second].into_iter().filter(|id| world.items(*id).1.vendor.is_some());
            assert_eq!(owners.count(), 1, "at {at}");
            let owner = world.owner("a").unwrap();
            assert_eq!(world.items(owner).1.vendor, Some(token("a")), "at {at}");
            assert!(died || at >= 8, "it has eight calls at least, {at}");
        }
    }
}
