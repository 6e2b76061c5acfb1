//! Whatever happens to a mailbox in whatever order, the AWS store answers what the model answers and leaves the item that
//! the model leaves: its updates in place are only short cuts.

use std::cell::Cell;
use std::collections::BTreeSet;

use futures_util::future::join_all;
use homing_domain::limits::MAILBOX_MAX_ENTRIES;
use homing_domain::mailbox::{Enqueue, Enqueued, Mailbox, Overflowed, Takeover};
use homing_domain::{ConnSeq, DeviceId, MessageId, Reason, Seq, UserHash};
use homing_ports::{Fault, Mailboxes};
use homing_store_aws::AwsStore;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::Aws;
use crate::adapter::Adapter;
use crate::values::{app_id, device_id, enqueue, mailbox, message_id, takeover};

/// Sequences, each on a mailbox of its own. With this many the whole test takes about 15 s.
const SEQUENCES: u32 = 48;
const STEPS: usize = 50;
/// Few, so that they come again.
const MESSAGES: u32 = 30;
/// The item itself is compared after each so many steps.
const COMPARE_EVERY: usize = 8;

#[derive(Clone, Debug)]
enum Step {
    Enqueue { message: u32, key: Option<u8>, user: Option<u64>, is_foreign: bool },
    TakeOver { ahead: ConnSeq, credential_generation: u32 },
    Trim { who: Who, expected: Seq, ahead: Seq },
    Tombstone { who: Who, ahead: Seq },
    Detach { who: Who, behind: Seq },
    Withdraw { message: u32 },
    Bind { user: Option<u64> },
    Overflow { is_merged: bool },
    SetVendor { has_vendor: bool },
    Revoke,
}

/// Who speaks as the owner.
#[derive(Clone, Copy, Debug)]
enum Who {
    /// The connection that took over last.
    Owner,
    /// The one before it.
    Former,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop_oneof![5 => Just(Who::Owner), 1 => Just(Who::Former)];
    let user = || proptest::option::of(0_u64..2);
    prop_oneof![
        24 => (0_u32..MESSAGES, proptest::option::weighted(0.3, 0_u8..3), user(), proptest::bool::weighted(0.05))
            .prop_map(|(message, key, user, is_foreign)| Step::Enqueue { message, key, user, is_foreign }),
        4 => (0_u64..3, 1_u32..8)
            .prop_map(|(ahead, n)| Step::TakeOver { ahead, credential_generation: 1 + n / 7 }),
        4 => (who(), 0_u64..6, 0_u64..30).prop_map(|(who, n, ahead)| Step::Trim { who, expected: n / 5, ahead }),
        3 => (who(), 0_u64..20).prop_map(|(who, ahead)| Step::Tombstone { who, ahead }),
        4 => (who(), 0_u64..40).prop_map(|(who, behind)| Step::Detach { who, behind }),
        4 => (0_u32..MESSAGES).prop_map(|message| Step::Withdraw { message }),
        2 => user().prop_map(|user| Step::Bind { user }),
        4 => any::<bool>().prop_map(|is_merged| Step::Overflow { is_merged }),
        2 => any::<bool>().prop_map(|has_vendor| Step::SetVendor { has_vendor }),
        1 => Just(Step::Revoke),
    ]
}

fn request(message: u32, key: Option<u8>, user: Option<u64>, is_foreign: bool) -> Enqueue {
    Enqueue {
        app: app_id(if is_foreign { "other" } else { "shop" }),
        user: user.map(UserHash),
        collapse_key: key.map(|key| key.to_string()),
        ..enqueue(message)
    }
}

/// A mailbox with so many entries, as the model fills it.
fn filled(entries: u32) -> Mailbox {
    let mut mailbox = Mailbox { user: Some(UserHash(1)), ..mailbox() };
    for n in 0..entries {
        mailbox.enqueue(enqueue(1_000 + n));
    }
    mailbox
}

fn shown(answer: &impl std::fmt::Debug) -> String {
    format!("{answer:?}")
}

/// Takes a step on the store and on the model, and answers both answers.
async fn both(store: &AwsStore, device: DeviceId, model: &mut Mailbox, step: &Step) -> (String, String) {
    let (lo, hi) = (model.lo, model.hi);
    let current = model.conn_seq;
    let conn_seq = |who| match who {
        Who::Owner => current,
        Who::Former => current.saturating_sub(1),
    };
    match *step {
        Step::Enqueue { message, key, user, is_foreign } => {
            let request = request(message, key, user, is_foreign);
            let answer = store.enqueue(vec![(device, request.clone())]).await.unwrap().remove(0).unwrap();
            (shown(&answer), shown(&model.enqueue(request)))
        }
        Step::TakeOver { ahead, credential_generation } => {
            let takeover = Takeover { credential_generation, ..takeover(current + ahead) };
            (shown(&store.take_over(device, takeover).await.unwrap()), shown(&model.take_over(takeover)))
        }
        Step::Trim { who, expected, ahead } => {
            let answer = store.trim(device, conn_seq(who), lo + expected, lo + ahead).await.unwrap();
            (shown(&answer), shown(&model.trim(conn_seq(who), lo + expected, lo + ahead)))
        }
        Step::Tombstone { who, ahead } => {
            let entries = [(lo + ahead, Reason::TimeToLive)];
            let answer = store.tombstone(device, conn_seq(who), entries.to_vec()).await.unwrap();
            (shown(&answer), shown(&model.tombstone(conn_seq(who), &entries)))
        }
        Step::Detach { who, behind } => {
            let sent = hi.saturating_sub(behind);
            let answer = store.detach(device, conn_seq(who), sent).await.unwrap();
            (shown(&answer), shown(&model.detach(conn_seq(who), sent)))
        }
        Step::Withdraw { message } => {
            let answer = store.withdraw(device, message_id(message), Reason::Recalled).await.unwrap();
            (shown(&answer), shown(&model.withdraw(message_id(message), Reason::Recalled)))
        }
        Step::Bind { user } => {
            let user = user.map(UserHash);
            (shown(&store.bind(device, user).await.unwrap().unwrap()), shown(&model.bind(user)))
        }
        Step::Overflow { is_merged } => {
            let answers = (store.overflow(device).await.unwrap().unwrap(), model.overflow());
            if let (Overflowed::Tombstoned(told), true) = (&answers.1, is_merged) {
                let told: Vec<MessageId> = told.iter().map(|(message, _)| *message).collect();
                store.merge_overflow(device, told.clone()).await.unwrap();
                model.merge_overflow(&told);
            }
            (shown(&answers.0), shown(&answers.1))
        }
        Step::SetVendor { has_vendor } => {
            store.set_vendor(device, has_vendor).await.unwrap();
            model.has_vendor = has_vendor;
            (String::new(), String::new())
        }
        Step::Revoke => (shown(&store.revoke(device).await.unwrap().unwrap()), shown(&model.revoke())),
    }
}

async fn follow(store: &AwsStore, device: DeviceId, entries: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut model = filled(entries);
    store.create_mailbox(device, model.clone()).await.unwrap();
    for (at, step) in steps.iter().enumerate() {
        let (answer, expected) = both(store, device, &mut model, step).await;
        prop_assert_eq!(answer, expected, "after {} steps: {:?}", at, step);
        if at % COMPARE_EVERY == 0 || at + 1 == steps.len() {
            prop_assert_eq!(store.mailbox(device).await.unwrap(), Some(model.clone()), "after {:?}", step);
        }
    }
    Ok(())
}

#[test]
fn every_answer_and_every_item_is_the_models() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(Aws::start());
    let config =
        Config { cases: SEQUENCES, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..Config::default() };
    let devices = Cell::new(0);
    let full = u32::try_from(MAILBOX_MAX_ENTRIES).unwrap();
    let sequences = (prop_oneof![Just(0), Just(full - 2), 0..full], proptest::collection::vec(step(), 1..STEPS));
    TestRunner::new(config)
        .run(&sequences, |(entries, steps)| {
            devices.set(devices.get() + 1);
            runtime.block_on(follow(world.ports(), device_id(devices.get()), entries, &steps))
        })
        .unwrap();
}

/// Writers at once, and messages of each: together they fit the mailbox.
const WRITERS: u32 = 10;
const EACH: u32 = 6;

/// A message that never came, by which a writer's withdrawal is known.
fn never_came(writer: u32) -> MessageId {
    message_id(500 + writer)
}

/// One of many: updates in place and writes of the whole item by turns. Answers which messages stand where.
async fn write(store: &AwsStore, device: DeviceId, writer: u32) -> Vec<(MessageId, Seq)> {
    let mut stored = Vec::new();
    for message in writer * EACH..(writer + 1) * EACH {
        let key = (message % 3 == 0).then_some(1);
        // What others keep overtaking comes back as a retry, as every port may answer.
        loop {
            match store.enqueue(vec![(device, request(message, key, None, false))]).await.unwrap().remove(0) {
                Ok(Enqueued::Stored { seq, .. }) => stored.push((message_id(message), seq)),
                // Another message of the same key took its place before its own retry.
                Ok(Enqueued::Settled) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    assert_eq!(error.fault, Fault::Retry);
                    continue;
                }
            }
            break;
        }
        while store.withdraw(device, never_came(writer), Reason::Recalled).await.is_err() {}
    }
    stored
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_lose_nothing_of_each_others() {
    let world = Aws::start().await;
    let (store, device) = (world.ports(), device_id(1));
    store.create_mailbox(device, mailbox()).await.unwrap();
    let stored = join_all((0..WRITERS).map(|writer| write(store, device, writer))).await.concat();
    let mailbox = store.mailbox(device).await.unwrap().unwrap();
    let entries: BTreeSet<_> = mailbox.numbered().map(|(seq, entry)| (entry.message, seq)).collect();
    assert_eq!(entries.len(), (WRITERS * EACH) as usize, "every message stands in it once");
    assert_eq!((mailbox.lo, mailbox.hi), (1, Seq::from(WRITERS * EACH)));
    for place in stored {
        assert!(entries.contains(&place), "{place:?} was answered and is not there");
    }
    let refused: BTreeSet<_> = mailbox.refused.iter().map(|(hash, _)| *hash).collect();
    assert_eq!(refused, (0..WRITERS).map(|writer| never_came(writer).short_hash()).collect());
}
