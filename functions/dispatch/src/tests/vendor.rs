//! Vendors are asked once for each device that still needs them, and for nobody else.

use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue::encode;
use homing_domain::limits::VENDOR_CLAIM_KEPT_FOR;
use homing_domain::mailbox::EntryState;
use homing_domain::{
    BusEvent, Channel, Claimed, Delivery, DeliveryPolicy, DeviceId, Flow, Localization, Notice, Reason, Stage,
    VendorAnswer,
};
use homing_ports::{Outgoing, QueueName};

use super::scene::{ALIVE, MESSAGE, NOW, ends, message};
use super::vendor_scene::{
    AWAY, FALLBACK, HERE, ONLINE_FIRST, asked, dispatch, move_to, play, stages, vendors, work, work_all,
};
use super::world::{When, World};

const OVERRIDES: Bytes = Bytes::from_static(br#"{"aps":{}}"#);
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
fn each_vendor_has_its_own_queue_and_is_asked_once_with_what_the_device_would_get() {
    let world = vendors(FALLBACK);
    let other = super::scene::device(3);
    world.with(|state| {
        state.mailboxes.get_mut(&other).unwrap().has_vendor = true;
        let message = state.messages.get_mut(&MESSAGE).unwrap();
        message.overrides = vec![(Channel::Fcm, Bytes::from_static(b"{}")), (Channel::Apns, OVERRIDES)];
    });
    move_to(&world, other, "fcm");
    let timers = dispatch(&world, &[HERE, other, AWAY]);
    let jobs = work_all(&world, &timers);
    assert_eq!(jobs.iter().map(|(queue, _)| *queue).collect::<Vec<_>>(), [QueueName::Apns, QueueName::Fcm]);
    play(&world, jobs);
    world.with(|state| {
        let calls: Vec<_> = state.asked.iter().map(|(call, push)| (push.channel, push.to[0].device, *call)).collect();
        let (first, second) = (calls[0].2, calls[2].2);
        assert_eq!(calls, [(Channel::Apns, HERE, first), (Channel::Apns, AWAY, first), (Channel::Fcm, other, second)]);
        assert_ne!(first, second);
        let push = &state.asked[0].1;
        assert_eq!(push.to[0].token.token, format!("token of {HERE}"));
        assert_eq!((push.body.message, &push.body.payload[..]), (MESSAGE, &b"{}"[..]));
        assert_eq!((push.app.as_str(), push.overrides.clone(), push.attempt), ("demo", Some(OVERRIDES), 0));
    });
}

#[test]
fn a_vendor_is_asked_for_no_more_devices_at_once_than_it_takes() {
    let world = vendors(DeliveryPolicy::VendorOnly);
    world.with(|state| state.batch_max = 1);
    let jobs = dispatch(&world, &[HERE, AWAY]);
    assert_eq!(jobs.len(), 2);
    play(&world, jobs);
    assert_eq!(asked(&world), [HERE, AWAY]);
}

#[test]
fn renderings_share_a_job_and_are_asked_apart() {
    let world = vendors(DeliveryPolicy::VendorOnly);
    world.with(|state| {
        let localized = Localization { language: "de".into(), payload: Bytes::from_static(b"[]") };
        state.messages.get_mut(&MESSAGE).unwrap().localizations = vec![localized];
    });
    let mut page = super::vendor_scene::page(&[HERE, AWAY]);
    page.targets[0].variant = 1;
    play(&world, vec![(QueueName::Dispatch, Outgoing::now(encode(&page)))]);
    world.with(|state| {
        let payloads: Vec<_> =
            state.asked.iter().map(|(_, push)| (push.to[0].device, push.body.payload.to_vec())).collect();
        assert_eq!(payloads, [(AWAY, b"{}".to_vec()), (HERE, b"[]".to_vec())]);
    });
}

#[test]
fn who_moved_to_another_vendor_meanwhile_is_asked_for_there() {
    for policy in [FALLBACK, DeliveryPolicy::VendorOnly] {
        let world = vendors(policy);
        let mut items = dispatch(&world, &[AWAY]);
        if policy == FALLBACK {
            items = work_all(&world, &items);
        }
        move_to(&world, AWAY, "fcm");
        play(&world, items);
        assert_eq!(stages(&world), [(AWAY, (Channel::Fcm, Stage::HandedOff))].into(), "{policy:?}");
        assert_eq!(asked(&world), [AWAY]);
    }
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
    let items = dispatch(&world, &[HERE, AWAY]);
    play(&world, items);
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
        let again = work_all(&world, &items);
        happens(&world);
        play(&world, again);
        let items = dispatch(&world, &[HERE, AWAY]);
        play(&world, items);
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
    for answer in [VendorAnswer::InvalidToken(NOW), VendorAnswer::Refused] {
        let world = vendors(ONLINE_FIRST);
        world.with(|state| state.answers = vec![answer]);
        let items = dispatch(&world, &[AWAY]);
        play(&world, items);
        assert_eq!(entry(&world, AWAY), Some(EntryState::Live));
        assert!(ends_but_handed_off(&world).is_empty());
        world.with(|state| {
            let now = state.now;
            let claimed = state.deliveries.get_mut(&(MESSAGE, AWAY)).unwrap().claim(now);
            assert_eq!(claimed, Claimed::Granted { asked_before: false });
        });

        let world = vendors(DeliveryPolicy::VendorOnly);
        world.with(|state| state.answers = vec![answer]);
        let items = dispatch(&world, &[AWAY]);
        play(&world, items);
        assert_eq!(ends_but_handed_off(&world), [(AWAY, Reason::VendorRefused)]);
        assert_eq!(stages(&world)[&AWAY], (Channel::Apns, Stage::Failed));
    }
}

fn token(world: &World, id: DeviceId) -> Option<String> {
    world.with(|state| state.devices[&id].vendor.as_ref().map(|token| token.token.clone()))
}

#[test]
fn a_dead_token_is_forgotten_unless_it_is_newer_than_the_news() {
    for (as_of, is_forgotten) in [(NOW, true), (NOW.minus(1), false)] {
        let world = vendors(ONLINE_FIRST);
        world.with(|state| state.answers = vec![VendorAnswer::InvalidToken(as_of)]);
        let items = dispatch(&world, &[AWAY]);
        play(&world, items);
        assert_eq!(token(&world, AWAY).is_none(), is_forgotten);
        assert!(token(&world, HERE).is_some());
        world.with(|state| {
            assert_eq!(state.mailboxes[&AWAY].has_vendor, !is_forgotten);
            assert_eq!(state.tokens_released.len(), usize::from(is_forgotten));
        });
    }
}

#[test]
fn where_very_many_tokens_die_at_once_none_is_forgotten() {
    let world = vendors(DeliveryPolicy::VendorOnly);
    let many: Vec<_> = (100..160).map(super::scene::device).collect();
    for id in &many {
        move_to(&world, *id, "apns");
        let mailbox = super::scene::mailbox(0, None);
        world.with(|state| state.mailboxes.insert(*id, mailbox));
    }
    world.with(|state| state.answers = vec![VendorAnswer::InvalidToken(NOW); many.len()]);
    let items = dispatch(&world, &many);
    play(&world, items);
    assert!(many.iter().all(|id| token(&world, *id).is_some()));
    assert_eq!(ends_but_handed_off(&world).len(), many.len(), "their deliveries failed all the same");
    world.with(|state| {
        let [BusEvent::Alert { app: Some(app), name: "vendor_cleaning_stopped", .. }] = &state.published[..] else {
            panic!("{:?}", state.published)
        };
        assert_eq!(app.as_str(), "demo");
    });
}

#[test]
fn a_vendor_that_says_later_is_asked_again_for_those_alone() {
    for (answer, attempts) in [(VendorAnswer::Later(7_000), [0, 0, 1]), (VendorAnswer::Busy(7_000), [0, 0, 0])] {
        for policy in [FALLBACK, DeliveryPolicy::VendorOnly] {
            let world = vendors(policy);
            world.with(|state| state.answers = vec![answer, VendorAnswer::Accepted]);
            let items = dispatch(&world, &[HERE, AWAY]);
            play(&world, items);
            assert_eq!(asked(&world), [HERE, AWAY, HERE], "{policy:?}");
            assert_eq!(stages(&world), [(HERE, BY_APPLE), (AWAY, BY_APPLE)].into());
            world.with(|state| {
                assert_eq!(state.asked.iter().map(|(_, push)| push.attempt).collect::<Vec<_>>(), attempts);
            });
        }
    }
    // Without a time it is not asked in circles.
    let world = vendors(DeliveryPolicy::VendorOnly);
    world.with(|state| state.answers = vec![VendorAnswer::Later(0)]);
    let items = dispatch(&world, &[HERE]);
    let again = work_all(&world, &items);
    assert_eq!(again.iter().map(|(queue, item)| (*queue, item.delay)).collect::<Vec<_>>(), [(QueueName::Apns, 100)]);
}

#[test]
fn of_two_jobs_one_asks() {
    for policy in [FALLBACK, DeliveryPolicy::VendorOnly] {
        let world = vendors(policy);
        let mut items = dispatch(&world, &[AWAY]);
        if policy == FALLBACK {
            items = work_all(&world, &items);
        }
        let [item]: [_; 1] = items.try_into().unwrap();
        // Redelivered before the ledger knows of the first.
        let repeats = work_all(&world, &[item.clone(), item]);
        assert_eq!(asked(&world), [AWAY], "{policy:?}");
        assert_eq!(repeats.iter().map(|(_, item)| item.delay).collect::<Vec<_>>(), [VENDOR_CLAIM_KEPT_FOR]);
        play(&world, repeats);
        assert_eq!(asked(&world), [AWAY], "{policy:?}");
        assert_eq!(stages(&world), [(AWAY, BY_APPLE)].into());
    }
}

/// Somebody claimed the delivery and died, and nobody knows whether the vendor was asked.
#[test]
fn whoever_finds_a_void_claim_asks_again_only_where_that_is_allowed() {
    for (policy, may_repeat) in
        [ONLINE_FIRST, DeliveryPolicy::VendorOnly].map(|policy| [(policy, false), (policy, true)]).concat()
    {
        let world = vendors(policy);
        world.with(|state| {
            state.may_repeat = may_repeat;
            let mut row = Delivery::new(MESSAGE, AWAY, Channel::Own);
            assert_eq!(row.claim(state.now), Claimed::Granted { asked_before: false });
            state.deliveries.insert((MESSAGE, AWAY), row);
        });
        let mut items = dispatch(&world, &[AWAY]);
        if policy == ONLINE_FIRST {
            items = work_all(&world, &items);
        }
        let again = work_all(&world, &items);
        assert_eq!(asked(&world), [], "it may be at it");
        assert_eq!(again.iter().map(|(_, item)| item.delay).collect::<Vec<_>>(), [VENDOR_CLAIM_KEPT_FOR]);
        play(&world, again);
        if may_repeat {
            assert_eq!(asked(&world), [AWAY]);
            assert_eq!(stages(&world), [(AWAY, BY_APPLE)].into());
            continue;
        }
        assert_eq!(asked(&world), []);
        if policy == ONLINE_FIRST {
            assert_eq!(entry(&world, AWAY), Some(EntryState::Live), "it waits for the device");
            assert!(ends_but_handed_off(&world).is_empty());
        } else {
            assert_eq!(ends_but_handed_off(&world), [(AWAY, Reason::VendorSilent)]);
            assert_eq!(stages(&world), [(AWAY, BY_APPLE)].into());
        }
    }
}

#[test]
fn a_vendor_that_never_answers_is_not_asked_again() {
    for policy in [ONLINE_FIRST, DeliveryPolicy::VendorOnly] {
        let world = vendors(policy);
        world.with(|state| state.answers = vec![VendorAnswer::Unknown]);
        let items = dispatch(&world, &[AWAY]);
        play(&world, items);
        // Not by another job either.
        let items = dispatch(&world, &[AWAY]);
        play(&world, items);
        world.with(|state| state.now = state.now.plus(2 * VENDOR_CLAIM_KEPT_FOR));
        let items = dispatch(&world, &[AWAY]);
        play(&world, items);
        assert_eq!(asked(&world), [AWAY], "{policy:?}");
        if policy == ONLINE_FIRST {
            assert_eq!(entry(&world, AWAY), Some(EntryState::Live));
        } else {
            assert_eq!(ends_but_handed_off(&world), [(AWAY, Reason::VendorSilent)]);
        }
    }
}

/// A vendor is asked once whatever fails. What may have reached it waits in the mailbox, or ends as nobody knows how.
#[test]
fn whatever_fails_nothing_is_lost_and_nothing_is_asked_twice() {
    for policy in [FALLBACK, DeliveryPolicy::VendorOnly] {
        let run = |fail_at| {
            let world = vendors(policy);
            world.with(|state| state.fail_at = fail_at);
            let page = super::vendor_scene::page(&[HERE, AWAY]);
            play(&world, vec![(QueueName::Dispatch, Outgoing::now(encode(&page)))]);
            world
        };
        let quiet = run(None);
        assert_eq!(asked(&quiet), [HERE, AWAY]);
        let (calls, mut brought) = (quiet.with(|state| state.calls), 0);
        for at in 1..=calls {
            for when in When::ALL {
                let world = run(Some((at, when)));
                let what = format!("{policy:?}: {when:?} at {at} of {calls}");
                let (devices, stages) = (asked(&world), stages(&world));
                for id in [HERE, AWAY] {
                    let times = devices.iter().filter(|asked| **asked == id).count();
                    assert!(times <= 1, "{what}: {id} is asked for {times} times");
                    let is_known = stages.get(&id) == Some(&BY_APPLE);
                    let is_kept = policy == FALLBACK && entry(&world, id) == Some(EntryState::Live);
                    assert!(is_known || is_kept, "{what}: {id} is lost");
                    brought += usize::from(is_known && times == 1);
                }
            }
        }
        assert!(
            brought * 10 >= calls * 2 * 3 * 8,
            "{policy:?}: {brought} of {calls} calls, three failures, two devices"
        );
    }
}

#[test]
fn a_vendor_that_was_not_asked_is_asked_by_the_repeat() {
    let world = vendors(ONLINE_FIRST);
    let items = dispatch(&world, &[AWAY]);
    let [(queue, item)]: [_; 1] = work_all(&world, &items).try_into().unwrap();
    // Message, claim, mailbox, row; then the vendor.
    world.with(|state| state.fail_at = Some((state.calls + 5, When::Before)));
    work(&world, queue, &item.body).unwrap_err();
    assert_eq!(asked(&world), []);
    work(&world, queue, &item.body).unwrap();
    assert_eq!(asked(&world), [AWAY], "at once: nobody was asked");
}
