//! Vendors are asked once for each device that still needs them, and for nobody else.

use std::sync::Arc;

use homing_domain::limits::VENDOR_CLAIM_KEPT_FOR;
use homing_domain::mailbox::EntryState;
use homing_domain::{Channel, Claimed, Delivery, DeliveryPolicy, DeviceId, Flow, Notice, Reason, Stage, VendorAnswer};
use homing_ports::Outgoing;

use super::scene::{ALIVE, MESSAGE, consume, ends, message, stage};
use super::vendor_scene::{AWAY, FALLBACK, HERE, ONLINE_FIRST, asked, dispatch, move_to, play, stages, vendors};
use super::world::{When, World};

const BY_APPLE: (Channel, Stage) = (Channel::Apns, Stage::HandedOff);

fn entry(world: &World, id: DeviceId) -> Option<EntryState> {
    world.with(|state| {
        state.mailboxes[&id].entries.iter().find(|entry| entry.message == MESSAGE).map(|entry| entry.state)
    })
}

/// Dispatches, lets something happen, and plays the rest.
fn after(policy: DeliveryPolicy, happens: impl Fn(&World)) -> Arc<World> {
    let world = vendors(policy);
    let items = dispatch(&world, &[HERE, AWAY]);
    happens(&world);
    play(&world, items);
    world
}

#[test]
fn what_a_vendor_took_is_handed_off_and_leaves_the_mailbox() {
    for policy in [ONLINE_FIRST, FALLBACK] {
        let world = after(policy, |_| ());
        let mut devices = asked(&world);
        devices.sort();
        assert_eq!(devices, [HERE, AWAY], "{policy:?}");
        assert_eq!(stages(&world), [(HERE, BY_APPLE), (AWAY, BY_APPLE)].into());
        // The live device may have it already, so its gateway looks.
        assert_eq!(entry(&world, HERE), Some(EntryState::Marked(Reason::TakenByVendor)));
        assert_eq!(entry(&world, AWAY), Some(EntryState::Tombstone(Reason::TakenByVendor)));
        world.with(|state| {
            let rereads: Vec<_> =
                state.notices.iter().filter(|(_, notice)| matches!(notice, Notice::Reread { .. })).collect();
            assert_eq!(rereads, [&(ALIVE, Notice::Reread { device: HERE, conn_seq: 11 })]);
        });
    }
}

#[test]
fn each_vendor_is_asked_in_one_batch_with_what_the_device_would_get() {
    let world = vendors(FALLBACK);
    world.with(|state| state.mailboxes.get_mut(&super::scene::device(3)).unwrap().has_vendor = true);
    move_to(&world, super::scene::device(3), "fcm");
    let items = dispatch(&world, &[HERE, super::scene::device(3), AWAY]);
    play(&world, items);
    world.with(|state| {
        let calls: Vec<_> = state.asked.iter().map(|(call, channel, push)| (*channel, push.device, *call)).collect();
        let (first, second) = (calls[0].2, calls[2].2);
        assert_eq!(
            calls,
            [
                (Channel::Apns, HERE, first),
                (Channel::Apns, AWAY, first),
                (Channel::Fcm, super::scene::device(3), second)
            ]
        );
        assert_ne!(first, second);
        let push = &state.asked[0].2;
        assert_eq!(push.token.token, format!("token of {HERE}"));
        assert_eq!((push.body.message, &push.body.payload[..]), (MESSAGE, &b"{}"[..]));
    });
}

#[test]
fn who_acknowledged_in_time_is_not_asked_for() {
    let world = after(FALLBACK, |world| {
        world.with(|state| state.mailboxes.get_mut(&HERE).unwrap().trim(11, 1, 1).unwrap());
    });
    assert_eq!(asked(&world), [AWAY]);
    // The ledger may know it first.
    let world = after(FALLBACK, |world| {
        world.with(|state| {
            let mut row = Delivery::new(MESSAGE, HERE, Channel::Own);
            row.stage = Stage::Delivered;
            state.deliveries.insert((MESSAGE, HERE), row);
        });
    });
    assert_eq!(asked(&world), [AWAY]);
    assert_eq!(entry(&world, HERE), Some(EntryState::Live), "its gateway trims it");
}

#[test]
fn who_was_unbound_in_time_is_not_asked_for() {
    for policy in [ONLINE_FIRST, FALLBACK] {
        let world = after(policy, |world| {
            world.with(|state| state.mailboxes.get_mut(&HERE).unwrap().bind(None));
        });
        assert_eq!(asked(&world), [AWAY], "{policy:?}");
    }
    let world = vendors(DeliveryPolicy::VendorOnly);
    world.with(|state| state.mailboxes.get_mut(&HERE).unwrap().bind(None));
    dispatch(&world, &[HERE, AWAY]);
    assert_eq!(asked(&world), [AWAY]);
    assert_eq!(stages(&world)[&HERE], (Channel::Own, Stage::Suppressed));
}

#[test]
fn what_was_withdrawn_in_time_is_not_asked_for() {
    let world = after(FALLBACK, |world| {
        world.with(|state| state.mailboxes.get_mut(&AWAY).unwrap().withdraw(MESSAGE, Reason::Recalled));
    });
    assert_eq!(asked(&world), [HERE]);
}

#[test]
fn nothing_that_is_over_is_asked_for() {
    type Happens = fn(&World);
    let over: [(Happens, Reason); 3] = [
        (
            |world| world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().control.flow = Flow::Aborted),
            Reason::Aborted,
        ),
        (
            |world| world.with(|state| state.messages.get_mut(&MESSAGE).unwrap().control.flow = Flow::Recalled),
            Reason::Recalled,
        ),
        (|world| world.with(|state| state.now = message(3_600).expires_at), Reason::TimeToLive),
    ];
    for (happens, reason) in over {
        let world = after(FALLBACK, happens);
        assert_eq!(asked(&world), [], "{reason}");
        assert!(ends(&world).is_empty(), "{reason}: the mailbox has it");
        // By the vendor alone it ends here, unless the vendor was asked before.
        let world = vendors(DeliveryPolicy::VendorOnly);
        world.with(|state| state.answers = vec![VendorAnswer::Accepted, VendorAnswer::Later(1_000)]);
        let items = dispatch(&world, &[HERE, AWAY]);
        happens(&world);
        play(&world, items);
        dispatch(&world, &[HERE, AWAY]);
        assert_eq!(asked(&world), [HERE, AWAY], "{reason}");
        assert_eq!(stages(&world)[&HERE], BY_APPLE, "{reason}");
        assert_eq!(ends_but_handed_off(&world), [(AWAY, reason)]);
    }
}

fn ends_but_handed_off(world: &World) -> Vec<(DeviceId, Reason)> {
    world.with(|state| {
        let receipts = state.told.iter().flat_map(|batch| &batch.receipts);
        let end = |receipt: &homing_domain::Receipt| match receipt.event {
            homing_domain::Event::Ended(ended) => ended.reason.map(|reason| (receipt.device, reason)),
            homing_domain::Event::Fact(_) => None,
        };
        receipts.filter_map(end).collect()
    })
}

#[test]
fn a_vendor_that_refuses_leaves_it_to_the_mailbox_if_there_is_one() {
    for answer in [VendorAnswer::InvalidToken, VendorAnswer::Refused] {
        let world = vendors(ONLINE_FIRST);
        world.with(|state| state.answers = vec![answer]);
        let items = dispatch(&world, &[AWAY]);
        play(&world, items);
        assert_eq!(entry(&world, AWAY), Some(EntryState::Live));
        assert!(ends_but_handed_off(&world).is_empty());
        world.with(|state| {
            let now = state.now;
            assert_eq!(state.deliveries.get_mut(&(MESSAGE, AWAY)).unwrap().claim(now), Claimed::Granted);
        });

        let world = vendors(DeliveryPolicy::VendorOnly);
        world.with(|state| state.answers = vec![answer]);
        dispatch(&world, &[AWAY]);
        assert_eq!(ends_but_handed_off(&world), [(AWAY, Reason::VendorRefused)]);
        assert_eq!(stages(&world)[&AWAY], (Channel::Apns, Stage::Failed));
    }
}

#[test]
fn a_vendor_that_says_later_is_asked_again_for_those_alone() {
    for policy in [FALLBACK, DeliveryPolicy::VendorOnly] {
        let world = vendors(policy);
        world.with(|state| state.answers = vec![VendorAnswer::Later(7_000), VendorAnswer::Accepted]);
        let items = dispatch(&world, &[HERE, AWAY]);
        play(&world, items);
        assert_eq!(asked(&world), [HERE, AWAY, HERE], "{policy:?}");
        assert_eq!(stages(&world), [(HERE, BY_APPLE), (AWAY, BY_APPLE)].into());
    }
    // Without a time it is not asked in circles.
    let world = vendors(DeliveryPolicy::VendorOnly);
    world.with(|state| state.answers = vec![VendorAnswer::Later(0)]);
    assert_eq!(dispatch(&world, &[HERE]).iter().map(|item| item.delay).collect::<Vec<_>>(), [100]);
}

#[test]
fn of_two_jobs_one_asks() {
    for policy in [FALLBACK, DeliveryPolicy::VendorOnly] {
        let world = vendors(policy);
        let mut items = dispatch(&world, &[AWAY]);
        if let [item] = &items[..] {
            // Redelivered while the first is told to the ledger.
            consume(&stage(&world), &item.body).unwrap();
        }
        let repeat = dispatch(&world, &[AWAY]);
        let _first = items.pop();
        for item in &repeat {
            consume(&stage(&world), &item.body).unwrap();
        }
        assert_eq!(asked(&world), [AWAY], "{policy:?}");
        play(&world, repeat);
        assert_eq!(asked(&world), [AWAY], "{policy:?}");
    }
}

#[test]
fn whoever_finds_a_claim_looks_again_when_it_is_void() {
    let world = vendors(ONLINE_FIRST);
    let items = dispatch(&world, &[AWAY]);
    world.with(|state| {
        let mut row = Delivery::new(MESSAGE, AWAY, Channel::Own);
        assert_eq!(row.claim(state.now), Claimed::Granted);
        state.deliveries.insert((MESSAGE, AWAY), row);
    });
    let [item]: [Outgoing; 1] = items.try_into().unwrap();
    consume(&stage(&world), &item.body).unwrap();
    assert_eq!(asked(&world), []);
    let again = world.take_sent(homing_ports::QueueName::Dispatch);
    assert_eq!(again.iter().map(|item| item.delay).collect::<Vec<_>>(), [VENDOR_CLAIM_KEPT_FOR]);
    play(&world, again);
    assert_eq!(asked(&world), [AWAY], "whoever had claimed it is dead");
}

/// Only a crash between the vendor's answer and the ledger's word may make a vendor be asked twice: nobody can know.
#[test]
fn whatever_fails_nothing_is_lost_and_next_to_nothing_asked_twice() {
    for policy in [FALLBACK, DeliveryPolicy::VendorOnly] {
        let run = |fail_at| {
            let world = vendors(policy);
            world.with(|state| state.fail_at = fail_at);
            let page = super::vendor_scene::page(&[HERE, AWAY]);
            play(&world, vec![Outgoing::now(homing_contract::queue::encode(&page))]);
            world
        };
        let quiet = run(None);
        let (calls, question) = quiet.with(|state| (state.calls, state.asked[0].0));
        for at in 1..=calls {
            for when in When::ALL {
                let world = run(Some((at, when)));
                let what = format!("{policy:?}: {when:?} at {at} of {calls}, the question is {question}");
                assert_eq!(stages(&world), [(HERE, BY_APPLE), (AWAY, BY_APPLE)].into(), "{what}");
                let is_unknown = (question..=question + 1).contains(&at);
                let mut devices = asked(&world);
                devices.sort();
                if !is_unknown {
                    assert_eq!(devices, [HERE, AWAY], "{what}");
                }
                assert!(devices.len() <= 4, "{what}");
                if policy == FALLBACK {
                    let buried = EntryState::Tombstone(Reason::TakenByVendor);
                    assert_eq!(entry(&world, AWAY), Some(buried), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_vendor_that_cannot_be_reached_leaves_the_claim_until_it_is_void() {
    let world = vendors(ONLINE_FIRST);
    let items = dispatch(&world, &[AWAY]);
    let [item]: [Outgoing; 1] = items.try_into().unwrap();
    // Message, claim, mailbox, row; then the vendor.
    world.with(|state| state.fail_at = Some((state.calls + 5, When::Before)));
    consume(&stage(&world), &item.body).unwrap_err();
    consume(&stage(&world), &item.body).unwrap();
    assert_eq!(asked(&world), []);
    let again = world.take_sent(homing_ports::QueueName::Dispatch);
    play(&world, again);
    assert_eq!(asked(&world), [AWAY]);
}
