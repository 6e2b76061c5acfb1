//! What was decided with the page: who is refused, and who gets which rendering.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue::encode;
use homing_domain::mailbox::{Body, Takeover};
use homing_domain::{Localization, Notice, Priority, Reason, Shard, Undelivered, UnixMillis};
use homing_ports::QueueName;

use super::scene::{ALIVE, ALSO_ALIVE, MESSAGE, consume, device, ends, message, run, shard, stage, world};
use super::world::World;

/// The default, and 600 bytes of Chinese.
fn localized() -> Arc<World> {
    let world = world(3_600);
    world.with(|state| {
        let message = state.messages.get_mut(&MESSAGE).unwrap();
        let payload = Bytes::from(format!("\"{}\"", "好".repeat(200)));
        message.localizations = vec![Localization { language: "zh".to_owned(), payload }];
    });
    world
}

/// Devices 1, 2 (both at one gateway), 3 and 6; the even ones get the translation.
fn page() -> Shard {
    let mut page = shard();
    page.targets.retain(|target| [1, 2, 3, 6].map(device).contains(&target.device));
    for target in &mut page.targets {
        target.variant = u8::from([2, 6].map(device).contains(&target.device));
    }
    page
}

#[test]
fn whoever_is_refused_gets_nothing_and_is_told_why() {
    let world = world(3_600);
    let mut page = shard();
    for (target, reason) in
        page.targets.iter_mut().zip([Reason::NotificationsOff, Reason::OptedOut, Reason::QuietHours])
    {
        target.refusal = Some(reason);
    }
    run(&world, &page);
    let ends = ends(&world);
    assert_eq!(ends[&(MESSAGE, device(1))], BTreeSet::from([Reason::NotificationsOff]));
    assert_eq!(ends[&(MESSAGE, device(2))], BTreeSet::from([Reason::OptedOut]));
    assert_eq!(ends[&(MESSAGE, device(3))], BTreeSet::from([Reason::QuietHours]));
    assert!(!ends.contains_key(&(MESSAGE, device(6))));
    world.with(|state| {
        let holds = |n| state.mailboxes[&device(n)].entries.iter().any(|entry| entry.message == MESSAGE);
        assert_eq!([1, 2, 3, 6].map(holds), [false, false, false, true]);
    });
}

#[test]
fn a_refusal_holds_even_when_the_message_is_over() {
    let world = world(3_600);
    world.with(|state| state.now = message(3_600).expires_at);
    let mut page = shard();
    page.targets[0].refusal = Some(Reason::OptedOut);
    run(&world, &page);
    assert_eq!(ends(&world)[&(MESSAGE, device(1))], BTreeSet::from([Reason::OptedOut]), "as in an earlier run");
}

#[test]
fn each_device_gets_its_own_rendering() {
    let world = localized();
    run(&world, &page());
    world.with(|state| {
        for (n, variant, body) in [(1, 0, Body::Inline(Bytes::from_static(b"{}"))), (6, 1, Body::Reference)] {
            let mailbox = &state.mailboxes[&device(n)];
            let entry = mailbox.entries.iter().find(|entry| entry.message == MESSAGE).unwrap();
            assert_eq!((entry.variant, &entry.body), (variant, &body));
        }
        let mut brought = BTreeSet::new();
        for (gateway, notice) in &state.notices {
            let Notice::HandOff(hand_off) = notice else { panic!("{notice:?}") };
            let devices: Vec<_> = hand_off.targets.iter().map(|target| target.device).collect();
            brought.insert((*gateway, devices, hand_off.body.payload.len()));
        }
        let expected = [(ALIVE, vec![device(1)], 2), (ALIVE, vec![device(2)], 602), (ALSO_ALIVE, vec![device(3)], 2)];
        assert_eq!(brought, expected.into());
    });
}

#[test]
fn a_hand_off_that_follows_the_device_has_the_rendering_of_its_entry() {
    let world = localized();
    let dispatch = stage(&world);
    consume(&dispatch, &encode(&page())).unwrap();
    world.with(|state| {
        state.notices.clear();
        let takeover = Takeover { gateway: ALSO_ALIVE, conn_seq: 50, credential_generation: 1, now: UnixMillis(1) };
        state.mailboxes.get_mut(&device(2)).unwrap().take_over(takeover).unwrap();
    });
    let missed = Undelivered { device: device(2), conn_seq: 12, message: MESSAGE, transient: false };
    consume(&dispatch, &encode(&missed)).unwrap();
    world.with(|state| {
        let [(ALSO_ALIVE, Notice::HandOff(hand_off))] = &state.notices[..] else { panic!("{:?}", state.notices) };
        assert_eq!(hand_off.body.payload.len(), 602);
    });
}

#[test]
fn a_rendering_that_is_not_there_is_the_default_one() {
    let world = world(3_600);
    run(&world, &page());
    world.with(|state| {
        let entry = state.mailboxes[&device(6)].entries.iter().find(|entry| entry.message == MESSAGE).unwrap();
        assert_eq!(entry.body, Body::Inline(Bytes::from_static(b"{}")));
    });
}

#[test]
fn what_goes_back_waits_in_its_own_turn() {
    for (priority, group) in [(Priority::High, "demo/high"), (Priority::Normal, "demo")] {
        let world = world(3_600);
        world.with(|state| {
            state.messages.get_mut(&MESSAGE).unwrap().options.priority = priority;
            state.full_inbox = Some(ALIVE);
        });
        consume(&stage(&world), &encode(&page())).unwrap();
        let again = world.take_sent(QueueName::Dispatch);
        assert_eq!(again.iter().map(|item| item.group.as_deref()).collect::<Vec<_>>(), [Some(group)]);
    }
}
