//! One shard with a device in every state, dispatched twice, with a failure at every port call.

mod admission;
mod feed;
mod memory;
mod pages;
mod policy;
mod rows;
mod scene;
mod stopping;
mod transient;
mod undelivered;
mod vendor;
mod vendor_scene;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use homing_contract::queue::{DispatchInput, encode};
use homing_domain::limits::FULL_MAILBOX_RETRY;
use homing_domain::mailbox::EntryState;
use homing_domain::{DeviceId, GatewayRef, MessageId, Notice, Reason};
use homing_ports::{QueueName, StageError};

use scene::{
    ALIVE, ALSO_ALIVE, MESSAGE, consume, device, ends, hand_offs, message, run, shard, stage, world as make_world,
};
use world::{When, World};

const TTL: u32 = 3_600;

fn expected_ends() -> BTreeMap<(MessageId, DeviceId), BTreeSet<Reason>> {
    let end = |n, reason| ((MESSAGE, device(n)), BTreeSet::from([reason]));
    let mut ends = BTreeMap::from([
        end(7, Reason::UnknownDevice),
        end(8, Reason::Deregistered),
        end(9, Reason::Unbound),
        end(10, Reason::UnknownDevice),
        end(13, Reason::Overflow),
    ]);
    // The oldest half of a full mailbox gave way, and what was collapsed.
    for n in 1..=32 {
        ends.insert((MessageId::from_bytes([n; 16]), device(11)), BTreeSet::from([Reason::Overflow]));
    }
    ends.insert((MessageId::from_bytes([99; 16]), device(14)), BTreeSet::from([Reason::Collapsed]));
    ends
}

fn check(world: &World) {
    assert_eq!(ends(world), expected_ends());
    // Live devices are handed off to the gateway that has them; only they are.
    let handed: BTreeSet<(GatewayRef, u64, DeviceId, u64)> = hand_offs(world)
        .into_iter()
        .map(|(gateway, target)| (gateway, target.conn_seq, target.device, target.seq))
        .collect();
    let wanted = BTreeSet::from([
        (ALIVE, 11, device(1), 1),
        (ALIVE, 12, device(2), 4),
        (ALSO_ALIVE, 13, device(3), 1),
        (ALIVE, 22, device(12), 65),
    ]);
    assert_eq!(handed, wanted);
    // Whoever did not end has exactly one live entry.
    world.with(|state| {
        for (device, mailbox) in &state.mailboxes {
            let live = mailbox.numbered().filter(|(_, entry)| entry.message == MESSAGE);
            let states: Vec<_> = live.map(|(_, entry)| entry.state).collect();
            let has_ended = expected_ends().contains_key(&(MESSAGE, *device));
            assert_eq!(states, if has_ended { vec![] } else { vec![EntryState::Live] }, "{device}");
        }
    });
}

#[test]
fn every_device_gets_its_own_fate_whatever_fails() {
    let quiet = make_world(TTL);
    run(&quiet, &shard());
    check(&quiet);
    let calls = quiet.with(|state| state.calls);
    assert!(calls > 10);
    for at in 1..=calls {
        for when in When::ALL {
            let world = make_world(TTL);
            world.with(|state| state.fail_at = Some((at, when)));
            run(&world, &shard());
            check(&world);
        }
    }
}

#[test]
fn one_devices_failure_leaves_the_others_alone() {
    let world = make_world(TTL);
    world.with(|state| state.failing_device = Some(device(1)));
    let dispatch = stage(&world);
    assert!(matches!(consume(&dispatch, &encode(&shard())), Err(StageError::Port(_))));
    let handed: Vec<_> = hand_offs(&world).iter().map(|(_, target)| target.device).collect();
    assert_eq!(handed, [device(2), device(3)]);
    assert!(ends(&world).contains_key(&(MESSAGE, device(7))));
}

#[test]
fn a_full_inbox_sends_only_its_own_devices_back() {
    let world = make_world(TTL);
    world.with(|state| state.full_inbox = Some(ALSO_ALIVE));
    let mut small = shard();
    small.targets.truncate(3);
    consume(&stage(&world), &encode(&small)).unwrap();
    let again = world.take_sent(QueueName::Dispatch);
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].delay, again[0].group.as_deref()), (FULL_MAILBOX_RETRY, Some("demo/high")));
    small.targets.drain(..2);
    assert_eq!(again[0].body, encode(&small));
}

#[test]
fn one_notice_per_gateway() {
    let world = make_world(TTL);
    consume(&stage(&world), &encode(&shard())).unwrap();
    let notices = world.with(|state| std::mem::take(&mut state.notices));
    let hand_offs: Vec<_> =
        notices.iter().filter(|(_, notice)| matches!(notice, Notice::HandOff(_))).map(|(to, _)| *to).collect();
    assert_eq!(hand_offs, [ALIVE, ALSO_ALIVE]);
}

#[test]
fn a_message_that_is_over_reaches_no_mailbox() {
    let world = make_world(TTL);
    world.with(|state| state.now = message(TTL).expires_at);
    run(&world, &shard());
    let ends = ends(&world);
    assert_eq!(ends.len(), shard().targets.len());
    assert!(ends.values().all(|reasons| *reasons == BTreeSet::from([Reason::TimeToLive])));
    world.with(|state| {
        assert!(state.notices.is_empty());
        assert!(!state.mailboxes.values().any(|mailbox| mailbox.entries.iter().any(|entry| entry.message == MESSAGE)));
    });
}

#[test]
fn what_cannot_succeed_is_poison() {
    let dispatch = stage(&make_world(TTL));
    let poison = |body: &Bytes| assert!(matches!(consume(&dispatch, body), Err(StageError::Poison { .. })));
    poison(&Bytes::from_static(b"null"));
    let mut foreign = shard();
    foreign.message = MessageId::from_bytes([0xBB; 16]);
    poison(&encode(&foreign));
}

#[test]
fn the_future_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: T) {}
    is_send(stage(&make_world(TTL)).handle(DispatchInput::Shard(shard())));
}
