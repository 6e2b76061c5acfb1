//! Whose a token is, whatever order the calls of two who change it come in.

mod world;

use std::convert::Infallible;

use homing_domain::{DeviceId, UnixMillis, VendorToken};

use self::world::{APP, World, id, interleaved, token};
use super::{Forgotten, forget_token, own_token};
use crate::update::update_device;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
/// Orders that are tried: those that differ in their first steps, all of them, and as many that differ anywhere.
fn schedules() -> impl Iterator<Item = u32> {
    (0_u32..1 << 12).flat_map(|n| [n, n.wrapping_mul(0x9e37_79b9)])
}

/// What a report does: the row first, then the index.
async fn report(world: &World, device: DeviceId, token: &VendorToken) {
    let changed = update_device(world, device, NOW, |row| {
        row.vendor = Some(token.clone());
        Ok::<_, Infallible>(())
    });
    own_token(world, &changed.await.unwrap(), NOW).await.unwrap();
}

fn forgotten(world: &World, device: DeviceId, as_of: UnixMillis) -> Forgotten {
    let app = APP.parse().unwrap();
    interleaved(0, vec![Box::pin(forget_token(world, &app, device, &token("t", NOW), as_of, NOW))]).remove(0).unwrap()
}

fn reported(world: &World, device: DeviceId, token: &VendorToken) {
    interleaved(0, vec![Box::pin(report(world, device, token))]);
}

#[test]
fn an_app_that_was_installed_anew_takes_its_token_along() {
    let world = World::with_devices(&[1, 2]);
    reported(&world, id(1), &token("t", NOW));
    reported(&world, id(2), &token("t", NOW));
    assert_eq!((world.token_of(1), world.token_of(2)), (None, Some("t".into())));
    assert_eq!(world.owner("t"), Some(id(2)));
    assert_eq!((world.has_vendor(1), world.has_vendor(2)), (false, true), "mailboxes know it too");
}

#[test]
fn a_device_that_has_another_token_by_now_keeps_it() {
    let world = World::with_devices(&[1, 2]);
    reported(&world, id(1), &token("t", NOW));
    reported(&world, id(1), &token("u", NOW));
    reported(&world, id(2), &token("t", NOW));
    assert_eq!((world.token_of(1), world.token_of(2)), (Some("u".into()), Some("t".into())));
}

#[test]
fn of_two_who_report_one_token_at_once_exactly_one_has_it() {
    for starts in [&[][..], &[1], &[2], &[1, 2]] {
        for schedule in schedules() {
            let world = World::with_devices(&[1, 2]);
            for start in starts {
                reported(&world, id(*start), &token("t", NOW));
            }
            let token = token("t", NOW);
            let reports = [1, 2].map(|device| Box::pin(report(&world, id(device), &token)) as _);
            interleaved(schedule, reports.into());
            let owners: Vec<_> = [1, 2].into_iter().filter(|device| world.token_of(*device).is_some()).collect();
            assert_eq!(owners.len(), 1, "from {starts:?} by {schedule:b}: {owners:?}");
            assert_eq!(world.owner("t"), Some(id(owners[0])), "from {starts:?} by {schedule:b}");
            assert!([1, 2].into_iter().all(|device| world.has_vendor(device) == owners.contains(&device)));
        }
    }
}

#[test]
fn a_dead_token_is_forgotten_unless_it_was_reported_since() {
    let world = World::with_devices(&[1]);
    reported(&world, id(1), &token("t", NOW));
    assert_eq!(forgotten(&world, id(1), NOW.minus(1)), Forgotten::Kept);
    assert_eq!((world.token_of(1), world.owner("t")), (Some("t".into()), Some(id(1))));
    assert_eq!(forgotten(&world, id(1), NOW), Forgotten::Done);
    assert_eq!((world.token_of(1), world.owner("t"), world.has_vendor(1)), (None, None, false));
    assert_eq!(forgotten(&world, id(1), NOW), Forgotten::Kept, "a repeat finds nothing");
    assert_eq!(forgotten(&world, id(9), NOW), Forgotten::Kept, "nor does one of a device that is gone");
}

#[test]
fn of_another_token_nothing_is_forgotten() {
    let world = World::with_devices(&[1]);
    let other = VendorToken { channel: "apns".into(), ..token("t", NOW) };
    for now_has in [token("u", NOW), other] {
        reported(&world, id(1), &now_has);
        assert_eq!(forgotten(&world, id(1), UnixMillis::NEVER), Forgotten::Kept);
        assert_eq!(world.token_of(1), Some(now_has.token));
    }
}

#[test]
fn a_report_of_a_new_token_wins_over_the_old_ones_death_in_any_order() {
    for schedule in schedules() {
        let world = World::with_devices(&[1]);
        reported(&world, id(1), &token("t", NOW));
        let (app, old, new) = (APP.parse().unwrap(), token("t", NOW), token("u", NOW));
        let death = async {
            forget_token(&world, &app, id(1), &old, NOW, NOW).await.unwrap();
        };
        interleaved(schedule, vec![Box::pin(death), Box::pin(report(&world, id(1), &new))]);
        assert_eq!(world.token_of(1), Some("u".into()), "{schedule:b}");
        assert_eq!(world.owner("u"), Some(id(1)));
        assert!(world.has_vendor(1), "{schedule:b}");
    }
}
