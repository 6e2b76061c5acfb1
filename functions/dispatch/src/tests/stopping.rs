//! Messages that were aborted or recalled, and messages that take others back: what the ledger is told is what the devices
//! see, though every page comes twice and any call may fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homing_contract::queue::encode;
use homing_domain::mailbox::{Body, Enqueue, EntryState, Withdrawn};
use homing_domain::{Audience, DeviceId, Flow, Message, MessageId, Notice, Reason, Shard, ShardId, Target};

use super::scene::{
    ALIVE, ALSO_ALIVE, MESSAGE, NOW, SILENT, consume, device, ends, message, older, run, shard, stage, world,
};
use super::world::{When, World};

/// The one that is taken back.
const BACK: MessageId = MessageId::from_bytes([0xBA; 16]);

fn stopped(flow: Flow) -> Arc<World> {
    let world = world(3_600);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().control.flow = flow);
    world
}

fn reasons(world: &World, of: MessageId) -> BTreeMap<DeviceId, BTreeSet<Reason>> {
    let ends = ends(world).into_iter();
    ends.filter(|((message, _), _)| *message == of).map(|((_, device), reasons)| (device, reasons)).collect()
}

fn states(world: &World, of: MessageId) -> BTreeMap<DeviceId, EntryState> {
    world.with(|state| {
        let entries = state.mailboxes.iter().flat_map(|(device, mailbox)| {
            mailbox.entries.iter().filter(|entry| entry.message == of).map(|entry| (*device, entry.state))
        });
        entries.collect()
    })
}

fn rereads(world: &World) -> BTreeSet<DeviceId> {
    world.with(|state| {
        let reread = |(_, notice): &(_, Notice)| match notice {
            Notice::Reread { device, .. } => Some(*device),
            _ => None,
        };
        state.notices.iter().filter_map(reread).collect()
    })
}

/// Runs what `make` makes with a failure at every port call.
fn whatever_fails(make: impl Fn() -> Arc<World>, page: &Shard, check: impl Fn(&World)) {
    let quiet = make();
    run(&quiet, page);
    check(&quiet);
    let calls = quiet.with(|state| state.calls);
    for at in 1..=calls {
        for when in When::ALL {
            let world = make();
            world.with(|state| state.fail_at = Some((at, when)));
            run(&world, page);
            check(&world);
        }
    }
}

#[test]
fn whoever_s_turn_had_not_come_ends_as_the_sender_wished() {
    for (flow, reason) in [(Flow::Aborted, Reason::Aborted), (Flow::Recalled, Reason::Recalled)] {
        whatever_fails(
            || stopped(flow),
            &shard(),
            |world| {
                let expected = shard().targets.into_iter().map(|target| {
                    let reason = match target.device {
                        unknown if [7, 10].map(device).contains(&unknown) => Reason::UnknownDevice,
                        revoked if revoked == device(8) => Reason::Deregistered,
                        _ => reason,
                    };
                    (target.device, BTreeSet::from([reason]))
                });
                assert_eq!(reasons(world, MESSAGE), expected.collect());
                assert!(states(world, MESSAGE).is_empty() && world.with(|state| state.notices.is_empty()));
            },
        );
    }
}

/// An earlier run of the page brought it to mailboxes. Where a gateway has the device, only that one can know.
#[test]
fn what_an_earlier_run_brought_is_withdrawn_and_its_gateway_asked() {
    let make = || {
        let world = world(3_600);
        consume(&stage(&world), &encode(&shard())).unwrap();
        world.with(|state| {
            (state.now, state.calls) = (state.now.plus(2_000), 0);
            state.sent.clear();
            state.notices.clear();
            state.told.clear();
            state.messages.get_mut(&MESSAGE).unwrap().control.flow = Flow::Aborted;
        });
        world
    };
    let mut page = shard();
    page.targets.retain(|target| [1, 3, 4, 6].map(device).contains(&target.device));
    whatever_fails(make, &page, |world| {
        assert_eq!(reasons(world, MESSAGE), BTreeMap::from([(device(6), BTreeSet::from([Reason::Aborted]))]));
        let states = states(world, MESSAGE);
        assert_eq!(states[&device(6)], EntryState::Tombstone(Reason::Aborted));
        for n in [1, 3, 4] {
            assert_eq!(states[&device(n)], EntryState::Marked(Reason::Aborted));
        }
        assert_eq!(rereads(world), [1, 3].map(device).into(), "4 was at a gateway that is gone");
    });
}

#[test]
fn a_stop_is_seen_within_two_seconds() {
    let world = world(3_600);
    let dispatch = stage(&world);
    let page = |n| Shard { targets: vec![Target::plain(device(n), None)], ..shard() };
    consume(&dispatch, &encode(&page(1))).unwrap();
    world.with(|state| {
        state.messages.get_mut(&MESSAGE).unwrap().control.flow = Flow::Aborted;
        state.now = NOW.plus(1_999);
    });
    consume(&dispatch, &encode(&page(2))).unwrap();
    assert!(reasons(&world, MESSAGE).is_empty());
    world.with(|state| state.now = NOW.plus(2_000));
    consume(&dispatch, &encode(&page(3))).unwrap();
    assert_eq!(reasons(&world, MESSAGE).keys().copied().collect::<Vec<_>>(), [device(3)]);
}

#[test]
fn a_pause_holds_nothing_up_that_fanout_let_go() {
    let world = stopped(Flow::Paused);
    consume(&stage(&world), &encode(&shard())).unwrap();
    assert!(states(&world, MESSAGE).contains_key(&device(6)));
}

/// Nobody knows whether an earlier run brought it, so the end must be one that a delivery takes the place of.
#[test]
fn now_or_never_is_over_when_it_is_stopped() {
    let world = world(0);
    world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().control.flow = Flow::Aborted);
    run(&world, &shard());
    let reasons = reasons(&world, MESSAGE);
    assert_eq!(reasons.len(), shard().targets.len());
    assert!(reasons.values().all(|reasons| *reasons == BTreeSet::from([Reason::Offline])));
}

/// [`MESSAGE`] takes [`BACK`] back. Devices: 1 has it and a link, 2 never heard of it and has a link, 3 has acknowledged it
/// and has a link, 4 has it and a gateway that is gone, 6 has it and was away since, 7 is unknown, 8 is deregistered.
fn recalling(audience: Audience) -> Arc<World> {
    let world = world(3_600);
    world.with(|state| {
        let recall = Message { audience, recalls: Some(BACK), ..message(3_600) };
        state.messages.insert(MESSAGE, recall);
        for n in [1, 3, 4, 6] {
            let entry = Enqueue { message: BACK, ..older(0, None) };
            state.mailboxes.get_mut(&device(n)).unwrap().enqueue(entry);
        }
        state.mailboxes.get_mut(&device(3)).unwrap().trim(13, 1, 1).unwrap();
    });
    world
}

fn recall_page() -> Shard {
    let targets = [1, 2, 3, 4, 6, 7, 8].map(|n| Target::plain(device(n), None)).to_vec();
    Shard { id: ShardId::from_bytes([6; 16]), message: MESSAGE, targets, next: None }
}

#[test]
fn a_recall_goes_to_whoever_may_have_the_message_and_to_nobody_else() {
    for (audience, reason) in [
        (Audience::RecipientsOf(BACK), Reason::Recalled),
        (Audience::Users(vec!["alice".parse().unwrap()]), Reason::ReadElsewhere),
    ] {
        whatever_fails(
            || recalling(audience.clone()),
            &recall_page(),
            |world| {
                assert_eq!(reasons(world, BACK), BTreeMap::from([(device(6), BTreeSet::from([reason]))]));
                let ended = [(6, Reason::NothingToRecall), (7, Reason::UnknownDevice), (8, Reason::Deregistered)];
                let ended = ended.map(|(n, reason)| (device(n), BTreeSet::from([reason])));
                assert_eq!(reasons(world, MESSAGE), ended.into());
                assert_eq!(
                    states(world, BACK),
                    [
                        (device(1), EntryState::Marked(reason)),
                        (device(4), EntryState::Marked(reason)),
                        (device(6), EntryState::Tombstone(reason)),
                    ]
                    .into()
                );
                let told: Vec<_> = states(world, MESSAGE).into_iter().collect();
                assert_eq!(told, [1, 2, 3, 4].map(|n| (device(n), EntryState::Live)));
                assert_eq!(rereads(world), [device(1)].into());
                check_frames(world);
            },
        );
    }
}

/// Hand-offs and entries of a recall say what it takes back, and hold no payload that could be shown.
fn check_frames(world: &World) {
    world.with(|state| {
        let mut handed = BTreeSet::new();
        for (gateway, notice) in &state.notices {
            if let Notice::HandOff(hand_off) = notice {
                assert_eq!(hand_off.body.recalls, Some(BACK));
                handed.extend(hand_off.targets.iter().map(|target| (*gateway, target.device)));
            }
        }
        assert_eq!(handed, [(ALIVE, device(1)), (ALIVE, device(2)), (ALSO_ALIVE, device(3))].into());
        assert_eq!(state.mailboxes[&device(4)].route.unwrap().gateway, SILENT);
        let entries = state.mailboxes.values().flat_map(|mailbox| &mailbox.entries);
        assert!(entries.filter(|entry| entry.message == MESSAGE).all(|entry| entry.body == Body::Reference));
    });
}

#[test]
fn what_is_recalled_before_it_comes_does_not_come() {
    let world = recalling(Audience::RecipientsOf(BACK));
    run(&world, &recall_page());
    world.with(|state| {
        let mailbox = state.mailboxes.get_mut(&device(2)).unwrap();
        let late = mailbox.enqueue(Enqueue { message: BACK, ..older(0, None) });
        assert_eq!(late, homing_domain::mailbox::Enqueued::Refused(Reason::Recalled));
    });
}

/// The first run marked the message at a gateway, which then found that it had not sent it.
#[test]
fn a_repeat_after_the_gateway_settled_it_agrees_with_the_gateway() {
    let world = recalling(Audience::RecipientsOf(BACK));
    let page = Shard { targets: vec![Target::plain(device(1), None)], ..recall_page() };
    let dispatch = stage(&world);
    consume(&dispatch, &encode(&page)).unwrap();
    world.with(|state| {
        let mailbox = state.mailboxes.get_mut(&device(1)).unwrap();
        mailbox.tombstone(11, &[(1, Reason::Recalled)]).unwrap();
    });
    consume(&dispatch, &encode(&page)).unwrap();
    assert_eq!(reasons(&world, BACK)[&device(1)], BTreeSet::from([Reason::Recalled]));
    // Its own entry may have been sent by now: that is for the gateway to say.
    assert!(reasons(&world, MESSAGE).is_empty());
    assert_eq!(states(&world, MESSAGE)[&device(1)], EntryState::Marked(Reason::NothingToRecall));
    let again = world.with(|state| state.mailboxes.get_mut(&device(1)).unwrap().withdraw(BACK, Reason::Recalled));
    assert_eq!(again, Withdrawn::Tombstoned);
}

#[test]
fn one_device_s_failure_leaves_the_others_alone() {
    let world = recalling(Audience::RecipientsOf(BACK));
    // The message's own read comes first, then one withdrawal for each device.
    world.with(|state| state.fail_at = Some((2, When::Before)));
    assert!(consume(&stage(&world), &encode(&recall_page())).is_err());
    assert_eq!(states(&world, MESSAGE).keys().copied().collect::<Vec<_>>(), [2, 3, 4].map(device));
    assert!(reasons(&world, BACK).contains_key(&device(6)));
}
