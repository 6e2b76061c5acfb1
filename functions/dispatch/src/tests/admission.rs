//! Nobody is claimed whom the vendor is not asked for now.

use std::sync::Arc;

use futures_util::FutureExt as _;
use homing_domain::limits::VENDOR_CLAIM_KEPT_FOR;
use homing_domain::{Channel, Claimed, Delivery, DeliveryPolicy, DeviceId, Ended, Event, Millis, Reason, Stage};
use homing_ports::{Outgoing, QueueName};

use super::scene::{MESSAGE, device, mailbox, stage};
use super::vendor_scene::{asked, dispatch, follow_ups, keep_ledger, move_to, play, stages, vendors, work, work_all};
use super::world::World;

/// Devices that have Apple's addresses, and the job for them.
fn job(devices: u8, admits: Vec<(usize, Millis)>) -> (Arc<World>, Vec<DeviceId>, (QueueName, Outgoing)) {
    let world = vendors(DeliveryPolicy::VendorOnly);
    let all: Vec<_> = (100..100 + devices).map(device).collect();
    for id in &all {
        move_to(&world, *id, "apns");
        world.with(|state| state.mailboxes.insert(*id, mailbox(0, None)));
    }
    let [item]: [_; 1] = dispatch(&world, &all).try_into().unwrap();
    world.with(|state| state.admits = admits);
    (world, all, item)
}

fn claimed(world: &World) -> Vec<DeviceId> {
    world.with(|state| state.deliveries.keys().map(|(_, device)| *device).collect())
}

fn silent(world: &World) -> Vec<DeviceId> {
    world.with(|state| {
        let receipts = state.told.iter().flat_map(|batch| &batch.receipts);
        let is_silent = |event| matches!(event, Event::Ended(Ended { reason: Some(Reason::VendorSilent), .. }));
        receipts.filter(|receipt| is_silent(receipt.event)).map(|receipt| receipt.device).collect()
    })
}

#[test]
fn whoever_is_not_admitted_waits_unclaimed() {
    let (world, all, item) = job(10, vec![(3, 4_000)]);
    let again = work_all(&world, &[item]);
    assert_eq!((asked(&world), claimed(&world)), (all[..3].to_vec(), all[..3].to_vec()));
    assert_eq!(again.iter().map(|(queue, item)| (*queue, item.delay)).collect::<Vec<_>>(), [(QueueName::Apns, 4_096)]);
    world.with(|state| state.admits = vec![(0, 1_000), (2, 0), (2, 1_000)]);
    play(&world, again);
    assert_eq!(asked(&world), all, "each once, though it took several jobs");
    assert!(world.with(|state| state.asked.iter().all(|(_, push)| push.attempt == 0)), "waiting is no try");
    assert!(stages(&world).values().all(|stage| *stage == (Channel::Apns, Stage::HandedOff)));
}

/// It dies when all of its second portion are claimed, and nobody of them is asked for.
#[test]
fn who_dies_leaves_no_more_claims_than_one_portion() {
    let (world, all, (queue, item)) = job(9, vec![(3, 0), (3, 0), (3, 0)]);
    world.with(|state| state.dies_after_claims = Some(6));
    assert!(stage(&world).consume_channel(&item.body).now_or_never().is_none(), "it died");
    assert_eq!(asked(&world), all[..3]);
    keep_ledger(&world);
    world.with(|state| (state.dies_after_claims, state.admits) = (None, Vec::new()));
    work(&world, queue, &item.body).unwrap();
    let again = follow_ups(&world);
    assert_eq!(again.iter().map(|(_, item)| item.delay).collect::<Vec<_>>(), [VENDOR_CLAIM_KEPT_FOR]);
    play(&world, again);
    assert_eq!(asked(&world), [&all[..3], &all[6..]].concat(), "the others are brought by the repeat");
    assert_eq!(silent(&world), all[3..6]);
}

#[test]
fn a_leave_that_nobody_needed_serves_the_next_ones_and_is_given_back_in_the_end() {
    let (world, all, item) = job(3, vec![(1, 0)]);
    world.with(|state| {
        for id in [all[0], all[2]] {
            let mut row = Delivery::new(MESSAGE, id, Channel::Own);
            assert_eq!(row.claim(state.now), Claimed::Granted { asked_before: false });
            row.stage = Stage::Delivered;
            state.deliveries.insert((MESSAGE, id), row);
        }
    });
    work_all(&world, &[item]);
    assert_eq!(asked(&world), [all[1]]);
    // The first leave served the second device, and the one for the third was for nobody.
    world.with(|state| assert_eq!((state.admits.len(), &state.given_back[..]), (0, &[1][..])));
}
