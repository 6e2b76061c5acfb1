//! Once per message and person, whatever fails, and only for those who asked.

use std::sync::Arc;

use futures_util::FutureExt as _;
use homing_contract::queue::{decode, encode};
use homing_domain::{Audience, AudienceJob, BatchId, Channel, Event, Fact, Receipt, ReceiptBatch, Stage, UserId};
use homing_ports::QueueName;

use super::*;
use crate::RecordReceipts;
use crate::tests::world::{When, World, device, released};

const MESSAGE: MessageId = MessageId::from_bytes([1; 16]);
const EXPIRES_AT: UnixMillis = UnixMillis(90_000);

fn user() -> UserId {
    "alice".parse().unwrap()
}

const fn phone(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 16])
}

/// Two phones of one person, one of nobody, one of another app.
fn world(sync_read: bool) -> Arc<World> {
    let world = World::default();
    world.with(|state| {
        let mut message = released(MESSAGE, EXPIRES_AT);
        message.options.sync_read = sync_read;
        state.messages.insert(MESSAGE, message);
        for (n, app, user) in
            [(1, "shop", Some(user())), (2, "shop", Some(user())), (3, "shop", None), (4, "bank", Some(user()))]
        {
            state.devices.insert(phone(n), device(phone(n), app, user));
        }
        state.now = UnixMillis(29_500);
    });
    Arc::new(world)
}

fn batch(n: u8, device: u8, fact: Fact) -> ReceiptBatch {
    let receipt = Receipt {
        message: MESSAGE,
        device: phone(device),
        channel: Channel::Own,
        at: UnixMillis(5),
        event: Event::Fact(fact),
    };
    ReceiptBatch { id: BatchId::from_bytes([n; 16]), receipts: vec![receipt] }
}

fn consume(stage: &RecordReceipts<World>, batch: &ReceiptBatch) -> bool {
    stage.consume(&encode(batch)).now_or_never().expect("a stage waits for its ports only").is_ok()
}

fn run(world: &Arc<World>, batches: &[ReceiptBatch]) {
    let stage = RecordReceipts::new(Arc::clone(world));
    for batch in batches {
        while !consume(&stage, batch) {}
    }
}

/// The messages beside the one that was read.
fn cleared(world: &World) -> Vec<Message> {
    world.with(|state| state.messages.values().filter(|message| message.id != MESSAGE).cloned().collect())
}

fn jobs(world: &World) -> Vec<MessageId> {
    let sent = world.take_sent(QueueName::Audience);
    sent.iter().map(|item| decode::<AudienceJob>(&item.body).unwrap().message).collect()
}

#[test]
fn whoever_reads_it_on_one_device_has_read_it_on_all_whatever_fails() {
    let batches = [batch(1, 1, Fact::Opened), batch(2, 1, Fact::Dismissed), batch(3, 2, Fact::Dismissed)];
    let quiet = world(true);
    run(&quiet, &batches);
    let calls = quiet.with(|state| state.calls);
    for at in 0..=calls {
        for when in When::ALL {
            let world = world(true);
            world.with(|state| state.fail_at = Some((at, when)));
            run(&world, &batches);
            let [clearing] = &cleared(&world)[..] else { panic!("{:?}", cleared(&world)) };
            assert_eq!((clearing.recalls, &clearing.audience), (Some(MESSAGE), &Audience::Users(vec![user()])));
            assert_eq!(clearing.exclude.devices, [phone(1)], "the first that told has it behind it");
            assert_eq!((clearing.expires_at, clearing.options.ttl_seconds), (EXPIRES_AT, 61));
            assert!(clearing.options.silent && clearing.stage == Stage::Accepted);
            let jobs = jobs(&world);
            assert!(!jobs.is_empty() && jobs.iter().all(|job| *job == clearing.id));
        }
    }
}

#[test]
fn what_is_on_its_way_is_not_sent_again() {
    let world = world(true);
    run(&world, &[batch(1, 1, Fact::Opened)]);
    assert_eq!(jobs(&world).len(), 1);
    world.with(|state| state.messages.values_mut().for_each(|message| message.stage = Stage::Released));
    run(&world, &[batch(1, 1, Fact::Opened), batch(2, 2, Fact::Opened)]);
    assert_eq!(jobs(&world).len(), 0);
}

#[test]
fn only_what_is_to_be_synchronised_is_and_asking_costs_one_read() {
    let world = world(false);
    let batches: Vec<_> = (1..=3).map(|n| batch(n, n, Fact::Opened)).collect();
    run(&world, &batches);
    assert!(cleared(&world).is_empty() && jobs(&world).is_empty());
    assert_eq!(world.with(|state| (state.message_reads, state.device_reads)), (1, 0));
}

#[test]
fn to_have_seen_it_is_not_to_have_read_it() {
    let world = world(true);
    run(&world, &[batch(1, 1, Fact::Displayed)]);
    assert_eq!((cleared(&world), world.with(|state| state.message_reads)), (vec![], 0));
}

#[test]
fn nobody_s_device_another_app_s_and_an_unknown_one_clear_nothing() {
    let world = world(true);
    run(&world, &[batch(1, 3, Fact::Opened), batch(2, 4, Fact::Opened), batch(3, 9, Fact::Opened)]);
    assert!(cleared(&world).is_empty() && jobs(&world).is_empty());
}

#[test]
fn what_has_expired_is_left_alone() {
    let world = world(true);
    world.with(|state| state.now = EXPIRES_AT);
    run(&world, &[batch(1, 1, Fact::Opened)]);
    assert!(cleared(&world).is_empty());
}
