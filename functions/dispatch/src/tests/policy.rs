//! Which way each delivery policy takes.

use homing_contract::queue::{DispatchInput, decode_channel_job, decode_dispatch_input, encode};
use homing_domain::{ChannelJob, DeliveryPolicy, DeviceId, GatewayRef, HandOffTarget, Millis, Reason, VendorJob};
use homing_ports::{Outgoing, QueueName};

use super::scene::{ALIVE, MESSAGE, consume, ends, hand_offs, message, stage};
use super::vendor_scene::{
    AWAY, FALLBACK, FALLBACK_AFTER, HERE, ONLINE_FIRST, asked, dispatch, follow_ups, move_to, page, vendors,
};
use super::world::World;

const POLICIES: [DeliveryPolicy; 4] = [ONLINE_FIRST, FALLBACK, DeliveryPolicy::OwnOnly, DeliveryPolicy::VendorOnly];

/// When whose vendor is to be asked.
fn jobs(items: &[(QueueName, Outgoing)]) -> Vec<(QueueName, Millis, Vec<DeviceId>)> {
    let job = |(queue, item): &(QueueName, Outgoing)| {
        assert_eq!(item.group.as_deref(), Some("demo/high"));
        let targets = if *queue == QueueName::Dispatch {
            match decode_dispatch_input(&item.body).unwrap() {
                DispatchInput::Vendor(VendorJob { message: MESSAGE, targets }) => targets,
                other => panic!("{other:?}"),
            }
        } else {
            let ChannelJob { message, channel, attempt, targets } = decode_channel_job(&item.body).unwrap();
            assert_eq!((message, QueueName::of_channel(channel), attempt), (MESSAGE, Some(*queue), 0));
            targets
        };
        (*queue, item.delay, targets.iter().map(|target| target.device).collect())
    };
    items.iter().map(job).collect()
}

fn holds(world: &World, id: DeviceId) -> bool {
    world.with(|state| state.mailboxes[&id].entries.iter().any(|entry| entry.message == MESSAGE))
}

fn handed(world: &World) -> Vec<DeviceId> {
    hand_offs(world).iter().map(|(_, target): &(GatewayRef, HandOffTarget)| target.device).collect()
}

#[test]
fn a_live_device_and_one_that_is_away() {
    let expected = [
        (ONLINE_FIRST, vec![(QueueName::Dispatch, 0, vec![AWAY]), (QueueName::Dispatch, FALLBACK_AFTER, vec![HERE])]),
        (FALLBACK, vec![(QueueName::Dispatch, FALLBACK_AFTER, vec![HERE, AWAY])]),
        (DeliveryPolicy::OwnOnly, vec![]),
        (DeliveryPolicy::VendorOnly, vec![(QueueName::Apns, 0, vec![HERE, AWAY])]),
    ];
    for (policy, later) in expected {
        let world = vendors(policy);
        let items = dispatch(&world, &[HERE, AWAY]);
        assert_eq!(jobs(&items), later, "{policy:?}");
        assert_eq!(asked(&world), [], "{policy:?}: vendors have their own queues");
        let is_vendor_only = policy == DeliveryPolicy::VendorOnly;
        assert_eq!([HERE, AWAY].map(|id| holds(&world, id)), [!is_vendor_only; 2], "{policy:?}");
        assert_eq!(handed(&world), if is_vendor_only { vec![] } else { vec![HERE] }, "{policy:?}");
    }
}

#[test]
fn a_device_without_an_address_has_its_mailbox_or_nothing() {
    for policy in POLICIES {
        let world = vendors(policy);
        world.with(|state| {
            for id in [HERE, AWAY] {
                state.mailboxes.get_mut(&id).unwrap().has_vendor = false;
                state.devices.get_mut(&id).unwrap().vendor = None;
            }
        });
        assert_eq!(jobs(&dispatch(&world, &[HERE, AWAY])), []);
        assert_eq!(asked(&world), []);
        let why: Vec<_> = ends(&world).into_values().flatten().collect();
        let is_vendor_only = policy == DeliveryPolicy::VendorOnly;
        assert_eq!(why, if is_vendor_only { vec![Reason::NoVendorToken; 2] } else { vec![] }, "{policy:?}");
        assert_eq!(holds(&world, AWAY), !is_vendor_only);
    }
}

#[test]
fn where_nothing_goes_by_any_vendor_no_job_is_made() {
    for policy in POLICIES {
        let world = vendors(policy);
        world.with(|state| state.channels.clear());
        assert_eq!(jobs(&dispatch(&world, &[HERE, AWAY])), []);
        assert_eq!(asked(&world), []);
        let is_vendor_only = policy == DeliveryPolicy::VendorOnly;
        assert_eq!(ends(&world).len(), if is_vendor_only { 2 } else { 0 }, "{policy:?}");
    }
}

/// The first is no vendor's, nothing goes by the second, and nobody knows the third.
#[test]
fn an_address_that_nothing_goes_by_is_none() {
    for channel in ["own", "huawei", "pigeon"] {
        for policy in [ONLINE_FIRST, DeliveryPolicy::VendorOnly] {
            let world = vendors(policy);
            move_to(&world, AWAY, channel);
            let items = dispatch(&world, &[AWAY]);
            super::vendor_scene::play(&world, items);
            assert_eq!(asked(&world), []);
            let is_vendor_only = policy == DeliveryPolicy::VendorOnly;
            assert_eq!(holds(&world, AWAY), !is_vendor_only);
            assert_eq!(ends(&world).len(), usize::from(is_vendor_only), "{channel} {policy:?}");
            let claim = world.with(|state| state.deliveries.get(&(MESSAGE, AWAY)).and_then(|row| row.claimed_at));
            assert_eq!(claim.is_some(), is_vendor_only, "whoever finds another address may ask");
        }
    }
}

#[test]
fn now_or_never_and_what_takes_back_stay_on_the_own_link() {
    for (ttl_seconds, recalls) in [(0, None), (3_600, Some(super::scene::older(1, None).message))] {
        for policy in [ONLINE_FIRST, FALLBACK] {
            let world = vendors(policy);
            world.with(|state| {
                let mut message = message(ttl_seconds);
                message.options.delivery = policy;
                message.recalls = recalls;
                state.messages.insert(MESSAGE, message);
            });
            assert_eq!(jobs(&dispatch(&world, &[HERE, AWAY])), []);
        }
    }
    let world = vendors(DeliveryPolicy::VendorOnly);
    world.with(|state| {
        state.messages.get_mut(&MESSAGE).unwrap().recalls = Some(super::scene::older(1, None).message);
    });
    dispatch(&world, &[HERE, AWAY]);
    assert_eq!(asked(&world), []);
    assert!(holds(&world, HERE) && holds(&world, AWAY));
}

/// Each try would leave a job of its own.
#[test]
fn whoever_is_tried_again_gets_a_job_then() {
    let world = vendors(FALLBACK);
    world.with(|state| state.full_inbox = Some(ALIVE));
    consume(&stage(&world), &encode(&page(&[HERE, AWAY]))).unwrap();
    let [vendor, (_, again)]: [(QueueName, Outgoing); 2] = follow_ups(&world).try_into().unwrap();
    assert_eq!(jobs(&[vendor]), [(QueueName::Dispatch, FALLBACK_AFTER, vec![AWAY])]);
    consume(&stage(&world), &again.body).unwrap();
    assert_eq!(jobs(&follow_ups(&world)), [(QueueName::Dispatch, FALLBACK_AFTER, vec![HERE])]);
}
