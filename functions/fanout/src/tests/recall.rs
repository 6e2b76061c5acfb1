//! A recall goes to whomever the other message was for.

use std::sync::Arc;

use homing_domain::limits::{PAUSE_POLL, QUEUE_DELAY_MAX};
use homing_domain::{Audience, DeviceId, MessageId, Reason, Shard, ShardId, Stage, Target, UnixMillis, UserHash};
use homing_ports::StageError;

use super::driver::{fail_everywhere, first_job, handle, run, targets};
use super::world::{NOW, World};
use super::{MESSAGE, message, world};

pub(super) const OTHER: MessageId = MessageId::from_bytes([6; 16]);

fn id(page: u32, n: u32) -> DeviceId {
    DeviceId::from_bytes((u128::from(page) << 64 | u128::from(n)).to_be_bytes())
}

/// Pages of these sizes. One device of each was refused, one is held.
pub(super) fn sent_before(pages: &[u32]) -> Arc<World> {
    let world = world(Audience::RecipientsOf(OTHER), 0);
    world.with(|state| {
        state.messages.get_mut(&MESSAGE).unwrap().recalls = Some(OTHER);
        let mut other = message(Audience::All);
        (other.id, other.stage) = (OTHER, Stage::Released);
        state.messages.insert(OTHER, other);
        for (page, devices) in (0..).zip(pages) {
            let target = |n| {
                let plain = Target { variant: 3, ..Target::plain(id(page, n), Some(UserHash(n.into()))) };
                match n {
                    0 => Target { refusal: Some(Reason::OptedOut), ..plain },
                    1 => Target { hold: Some(UnixMillis(1)), ..plain },
                    _ => plain,
                }
            };
            let shard = ShardId::from_bytes(u128::from(page).to_be_bytes());
            let targets = (0..*devices).map(target).collect();
            state.shards.insert(shard, Shard { id: shard, message: OTHER, targets, next: None });
        }
    });
    world
}

#[test]
fn everyone_who_was_not_refused_gets_it_as_they_were_addressed() {
    let make = || sent_before(&[10, 256, 3, 1, 256]);
    fail_everywhere(
        make,
        |_| {},
        |got| {
            assert_eq!(got.len(), 9 + 255 + 2 + 255);
            for (device, target) in got {
                let n = u64::from_be_bytes(device.as_bytes()[8..].try_into().unwrap());
                assert_eq!(*target, Target::plain(*device, Some(UserHash(n))));
            }
        },
    );
}

#[test]
fn small_pages_are_gathered() {
    let world = sent_before(&[11; 40]);
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 400);
    world.with(|state| {
        let pages = state.shards.values().filter(|shard| shard.message == MESSAGE).count();
        assert_eq!(pages, 3, "16 pages are read at once");
    });
}

#[test]
fn nobody_is_recalled_from_nobody() {
    let world = sent_before(&[]);
    run(&world, |_| {});
    assert!(targets(&world).is_empty());
}

#[test]
fn pages_that_are_still_being_made_are_waited_for() {
    let world = sent_before(&[10]);
    world.with(|state| state.messages.get_mut(&OTHER).unwrap().stage = Stage::Releasing);
    assert!(matches!(handle(&world, &first_job()), Err(StageError::Later { delay: PAUSE_POLL })));
    world.with(|state| assert_eq!(state.shards.len(), 1));
    // But not for ever.
    run(&world, |_| {});
    assert_eq!(targets(&world).len(), 9);
    let waited = world.with(|state| state.now.since(NOW));
    assert!((QUEUE_DELAY_MAX - 10..=QUEUE_DELAY_MAX + PAUSE_POLL).contains(&waited), "{waited}");
}

#[test]
fn there_must_be_something_to_recall() {
    let world = world(Audience::RecipientsOf(OTHER), 0);
    assert!(matches!(handle(&world, &first_job()), Err(StageError::Poison { .. })));
}
