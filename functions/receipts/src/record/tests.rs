//! Counting is right however a batch is repeated, cut off, or overtaken by another one.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::queue::encode;
use homing_domain::{
    BatchId, Channel, Counter, DeviceId, Ended, Event, Fact, FeedCounts, Granularity, MessageId, Reason, Receipt,
    ReceiptBatch, Stage, Tally, UnixMillis,
};
use homing_ports::StageError;

use super::RecordReceipts;
use crate::tests::world::{When, World, released};

mod completion;

const MESSAGES: [MessageId; 2] = [MessageId::from_bytes([1; 16]), MessageId::from_bytes([2; 16])];

fn receipt(message: usize, device: u8, event: Event) -> Receipt {
    Receipt {
        message: MESSAGES[message],
        device: DeviceId::from_bytes([device; 16]),
        channel: Channel::Own,
        at: UnixMillis(9),
        event,
    }
}

fn delivered() -> Event {
    Event::Ended(Ended::delivered(None, None))
}

fn expired() -> Event {
    Event::Ended(Ended::undelivered(Reason::TimeToLive, None))
}

fn batch(id: u8, receipts: Vec<Receipt>) -> ReceiptBatch {
    ReceiptBatch { id: BatchId::from_bytes([id; 16]), receipts }
}

/// Three batches that contend for the same rows, in two messages.
fn batches() -> Vec<ReceiptBatch> {
    vec![
        batch(
            1,
            vec![
                receipt(0, 1, expired()),
                receipt(0, 2, expired()),
                receipt(1, 1, delivered()),
                receipt(1, 3, expired()),
                receipt(1, 3, delivered()),
            ],
        ),
        batch(2, vec![receipt(0, 1, delivered()), receipt(0, 3, delivered()), receipt(1, 1, expired())]),
        batch(3, vec![receipt(0, 1, Event::Fact(Fact::Opened)), receipt(0, 1, Event::Fact(Fact::Opened))]),
    ]
}

/// The numbers that the rows as they stand amount to.
fn expected(world: &World) -> BTreeMap<MessageId, Tally> {
    world.with(|state| {
        let mut tallies = BTreeMap::<MessageId, Tally>::new();
        for row in state.rows.values() {
            let tally = tallies.entry(row.message).or_default();
            if row.stage.is_terminal() {
                tally.add(Counter::Ended(row.channel, row.stage), 1);
            }
            if row.sent.is_some() {
                tally.add(Counter::Sent(row.channel), 1);
            }
            if row.opened.is_some() {
                tally.add(Counter::Fact(row.channel, Fact::Opened), 1);
            }
        }
        tallies
    })
}

fn handle(world: &Arc<World>, batch: &ReceiptBatch) -> Result<(), StageError> {
    RecordReceipts::new(Arc::clone(world))
        .consume(&encode(batch))
        .now_or_never()
        .expect("a stage waits for its ports only")
}

fn check(world: &World) {
    assert_eq!(world.with(|state| state.tallies.clone()), expected(world));
}

/// The app's figures are the sum of its messages' numbers, in each granularity.
fn check_figures(world: &World) {
    world.with(|state| {
        let mut sum = Tally::default();
        state.tallies.values().for_each(|tally| sum.merge(tally));
        for granularity in Granularity::ALL {
            let mut series = Tally::default();
            let of = state.statistics.iter().filter(|((_, period), _)| period.granularity == granularity);
            of.for_each(|(_, tally)| series.merge(tally));
            assert_eq!(series, sum, "by the {granularity}");
        }
    });
}

/// More than the three batches make, so that each is cut off once.
const CALLS_AT_MOST: usize = 40;

#[test]
fn a_failed_batch_comes_back_after_the_others() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        for at in 1..=CALLS_AT_MOST {
            for when in When::ALL {
                let world = Arc::new(World::default());
                world.with(|state| {
                    let message = |id| (id, released(id, UnixMillis(1_000)));
                    state.messages.extend(MESSAGES.map(message));
                    state.fail_at = Some((at, when));
                });
                let batches = batches();
                let failed: Vec<_> = order.iter().filter(|n| handle(&world, &batches[**n]).is_err()).collect();
                world.with(|state| state.fail_at = None);
                for n in &failed {
                    handle(&world, &batches[**n]).unwrap();
                }
                check(&world);
                check_figures(&world);
                // And everything once more.
                for batch in &batches {
                    handle(&world, batch).unwrap();
                }
                check(&world);
                check_figures(&world);
                assert_eq!(world.with(|state| state.rows.len()), 5);
            }
        }
    }
}

#[test]
fn a_batch_that_changes_nothing_is_not_counted() {
    let world = Arc::new(World::default());
    handle(&world, &batch(1, vec![receipt(0, 1, delivered())])).unwrap();
    handle(&world, &batch(2, vec![receipt(0, 1, expired())])).unwrap();
    world.with(|state| assert_eq!(state.counted.len(), 1));
    handle(&world, &batch(3, Vec::new())).unwrap();
    world.with(|state| assert_eq!(state.calls, 8, "the third batch needs no call, the second only two"));
}

fn consume_counts(world: &Arc<World>, counts: &FeedCounts) -> Result<(), StageError> {
    RecordReceipts::new(Arc::clone(world))
        .consume(&encode(counts))
        .now_or_never()
        .expect("a stage waits for its ports only")
}

#[test]
fn what_came_by_a_feed_is_counted_once_however_often_it_is_told() {
    let counts = |id: u8, devices: [u32; 2]| FeedCounts {
        id: BatchId::from_bytes([id; 16]),
        changes: MESSAGES.into_iter().zip(devices.map(Tally::of_feed)).collect(),
    };
    for when in When::ALL {
        let world = Arc::new(World::default());
        world.with(|state| {
            for message in MESSAGES {
                let mut message = released(message, UnixMillis(1_000));
                message.feed_after = Some(7);
                state.messages.insert(message.id, message);
            }
            state.fail_at = Some((1, when));
        });
        consume_counts(&world, &counts(1, [5, 1])).unwrap_err();
        for repeated in [counts(1, [5, 1]), counts(2, [0, 3]), counts(1, [5, 1])] {
            consume_counts(&world, &repeated).unwrap();
        }
        world.with(|state| {
            let balances = MESSAGES.map(|message| state.tallies[&message].balance(None));
            assert_eq!(balances.map(|balance| (balance.targeted, balance.delivered)), [(5, 5), (4, 4)]);
            assert_eq!(balances.map(|balance| balance.pending), [0, 0]);
            let is_open = |message| state.messages[message].stage == Stage::Released;
            assert!(MESSAGES.iter().all(is_open) && state.events.is_empty(), "closing completes them");
            assert!(state.rows.is_empty());
        });
    }
    let world = Arc::new(World::default());
    consume_counts(&world, &FeedCounts { id: BatchId::from_bytes([1; 16]), changes: Vec::new() }).unwrap();
    assert_eq!(world.with(|state| state.calls), 0);
}

/// What a person did with what came by a feed makes a row, which waits for no end.
#[test]
fn a_fact_about_what_came_by_a_feed_leaves_the_balance_closed() {
    let world = Arc::new(World::default());
    world.with(|state| {
        let mut message = released(MESSAGES[0], UnixMillis(1_000));
        message.feed_after = Some(7);
        state.messages.insert(message.id, message);
    });
    let counts = FeedCounts { id: BatchId::from_bytes([1; 16]), changes: vec![(MESSAGES[0], Tally::of_feed(2))] };
    consume_counts(&world, &counts).unwrap();
    handle(&world, &batch(2, vec![receipt(0, 1, Event::Fact(Fact::Opened))])).unwrap();
    world.with(|state| {
        let balance = state.tallies[&MESSAGES[0]].balance(None);
        assert_eq!((balance.targeted, balance.delivered, balance.opened, balance.pending), (2, 2, 1, 0));
        assert_eq!(state.messages[&MESSAGES[0]].stage, Stage::Released);
    });
}

#[test]
fn a_body_that_is_no_batch_is_poison() {
    let stage = RecordReceipts::new(Arc::new(World::default()));
    let answer = stage.consume(&Bytes::from_static(b"[]")).now_or_never().unwrap();
    assert!(matches!(answer, Err(StageError::Poison { .. })));
}
