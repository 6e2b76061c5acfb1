//! Users become their devices, as the devices' own rows say.

use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{Audience, UnixMillis};

use super::driver::{fail_everywhere, run, targets};
use super::world::{NOW, World, device};
use super::{MESSAGE, app, user, world};

fn bind(world: &World, n: u32, to: u32, since: Option<UnixMillis>) {
    world.with(|state| {
        let device = state.devices.get_mut(&device(&app(), n, None, NOW).id).unwrap();
        device.user = Some(user(to));
        device.user_since = since;
    });
}

#[test]
fn whoever_changes_hands_in_between_is_found_through_one_user() {
    let users: Vec<_> = (0..24).map(user).collect();
    // In the first page's user before, in the last page's after, and the other way round.
    let rebind = |world: &World| {
        for n in 0..384 {
            bind(world, n, (n * 7 + 5) % 24, Some(NOW.plus(1)));
        }
    };
    fail_everywhere(
        || world(Audience::Users(users.clone()), 400),
        rebind,
        |got| assert!(got.values().all(|target| target.user.is_some())),
    );
}

#[test]
fn a_device_is_its_users_since_the_release_or_for_ever() {
    let world = world(Audience::Users(vec![user(0), user(1)]), 4);
    bind(&world, 0, 0, None);
    bind(&world, 1, 1, Some(NOW));
    bind(&world, 2, 1, Some(NOW.plus(1)));
    bind(&world, 3, 2, None);
    run(&world, |_| {});
    let got: Vec<_> = targets(&world).into_values().map(|target| (target.device, target.user)).collect();
    let id = |n| device(&app(), n, None, NOW).id;
    assert_eq!(got, [(id(0), Some(user(0).hash())), (id(1), Some(user(1).hash()))]);
}

#[test]
fn what_the_index_says_wrongly_does_not_count() {
    let world = world(Audience::Users(vec![user(0)]), 20);
    // Another app's device of a user of the same name stands in the directory only.
    world.with(|state| {
        let id = device(&app(), 3, None, NOW).id;
        state.stale_index.push(id);
        let device = state.devices.get_mut(&id).unwrap();
        device.user = Some(user(9));
    });
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 15);
}

#[test]
fn a_binding_that_is_younger_than_the_rows_read_counts() {
    let world = world(Audience::Users(vec![user(0), user(1)]), 2);
    world.with(|state| state.stale_rows = state.devices.clone().into_iter().collect());
    bind(&world, 0, 1, Some(NOW));
    bind(&world, 1, 9, Some(NOW));
    run(&world, |_| {});
    let got: Vec<_> = targets(&world).into_values().map(|target| (target.device, target.user)).collect();
    assert_eq!(got, [(device(&app(), 0, None, NOW).id, Some(user(1).hash()))]);
}

#[test]
fn a_slow_message_takes_one_user_at_least() {
    let users: Vec<_> = (0..24).map(user).collect();
    let world = world(Audience::Users(users), 384);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().options.rate_per_second = Some(3));
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 384);
    world.with(|state| {
        assert_eq!(state.shards.len(), 24);
        // 384 devices at 3 a second, but for the rest after the last.
        assert_eq!(state.now.since(NOW), (384 - 16) * 1_000 / 3 + 23 - 7);
        assert!(state.shards.values().all(|shard| shard.targets.len() <= SHARD_MAX_DEVICES));
    });
}
