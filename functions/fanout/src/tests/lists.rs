//! Uploaded lists and expressions.

use std::sync::Arc;

use homing_credentials::{derive_id, member_key};
use homing_domain::{Audience, AudienceId, Cursor, DeviceId, Expression, Member, MemberKey, Stage, UnixMillis, UserId};
use homing_ports::StageError;

use super::driver::{fail_everywhere, first_job, handle, run, targets};
use super::world::{NOW, World, device, list};
use super::{MESSAGE, app, user, world};

pub(super) const LIST: AudienceId = AudienceId::from_bytes([5; 16]);

pub(super) fn upload(world: &World, members: Vec<Member>) {
    world.with(|state| state.lists.insert(LIST, list(LIST, &app(), members)));
}

pub(super) fn user_member(user: UserId) -> Member {
    Member { key: member_key(&user), user: Some(user) }
}

pub(super) fn device_member(id: DeviceId) -> Member {
    Member { key: MemberKey::of_device(&id), user: None }
}

fn spread(n: u32) -> DeviceId {
    DeviceId::from_bytes(derive_id("test", &[&n.to_be_bytes()]))
}

fn on_list(members: Vec<Member>, devices: u32) -> Arc<World> {
    let world = world(Audience::Uploaded(LIST), devices);
    upload(&world, members);
    world
}

#[test]
fn a_list_of_users_becomes_their_devices() {
    let members: Vec<_> = (0..100).map(|n| user_member(user(n))).collect();
    fail_everywhere(
        || on_list(members.clone(), 400),
        |_| {},
        |got| {
            assert_eq!(got.len(), 400);
            assert!(got.values().all(|target| target.user.is_some()));
        },
    );
}

#[test]
fn many_users_of_one_segment_are_several_pages() {
    let key = |n: u32| {
        let mut key = [0; 16];
        key[12..].copy_from_slice(&n.to_be_bytes());
        MemberKey(key)
    };
    let members: Vec<_> = (0..300).map(|n| Member { key: key(n), user: Some(user(n)) }).collect();
    let world = on_list(members, 1_600);
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 1_600, "of 100 users with 16 each, and 200 without");
    world.with(|state| assert!(state.shards.len() >= 63 + 7));
}

#[test]
fn devices_on_a_list_are_targeted_known_or_not() {
    let ids: Vec<_> = (0..900).map(spread).collect();
    let world = on_list(ids.iter().copied().map(device_member).collect(), 0);
    run(&world, |_| {});
    let got = targets(&world);
    assert_eq!(got.len(), 900);
    assert!(ids.iter().all(|id| got[id].user.is_none()));
}

#[test]
fn a_list_that_is_gone_or_unfinished_is_for_a_person_to_look_at() {
    let gone = world(Audience::Uploaded(LIST), 3);
    assert!(matches!(handle(&gone, &first_job()), Err(StageError::Poison { .. })));
    gone.with(|state| assert_eq!(state.messages[&MESSAGE].stage, Stage::Releasing, "found hanging, not tried again"));
    let unfinished = on_list(vec![user_member(user(0))], 3);
    unfinished.with(|state| state.lists.get_mut(&LIST).unwrap().0.members = None);
    assert!(matches!(handle(&unfinished, &first_job()), Err(StageError::Poison { .. })));
}

fn tagged(expression: &str) -> Arc<World> {
    let expression: Expression = expression.parse().unwrap();
    let world = world(Audience::Expression(expression), 0);
    world.with(|state| {
        // All in one segment, so that it has many pages, and few of them meant.
        for n in 0..3_000 {
            let mut device = device(&app(), n, None, NOW.minus(1_000));
            let mut id = *device.id.as_bytes();
            id[0] = 0;
            device.id = DeviceId::from_bytes(id);
            if n % 20 == 0 {
                device.tags = vec!["vip".to_owned()];
            }
            state.devices.insert(device.id, device);
        }
    });
    world
}

#[test]
fn an_expression_gathers_the_few_it_holds_for() {
    let lose_tags = |world: &World| {
        world.with(|state| state.devices.values_mut().for_each(|device| device.tags.clear()));
    };
    let quiet = tagged("vip");
    run(&quiet, |_| {});
    assert_eq!(targets(&quiet).len(), 150);
    // 63 empty segments, and one of which 8 x 256 devices were read for its first page.
    quiet.with(|state| assert_eq!(state.shards.len(), 63 + 2));
    fail_everywhere(|| tagged("vip"), |_| {}, |got| assert_eq!(got.len(), 150));
    fail_everywhere(|| tagged("vip"), lose_tags, |got| assert!([0, 103, 150].contains(&got.len()), "{}", got.len()));
}

#[test]
fn a_slow_expression_takes_no_more_than_its_page() {
    let world = tagged("vip");
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().options.rate_per_second = Some(64));
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 150);
    world.with(|state| {
        assert!(state.shards.values().all(|shard| shard.targets.len() <= 10));
        // One a second for its only busy segment, whose last page needs no rest.
        assert_eq!(state.now.since(NOW), 150_000 - 10_000 * u64::from(state.now == UnixMillis(NOW.0 + 140_000)));
        let starts_anew = |shard: &&homing_domain::Shard| matches!(shard.next, Some(Cursor::After(_)));
        assert!(state.shards.values().filter(starts_anew).count() >= 14);
    });
}
