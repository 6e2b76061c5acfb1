//! Counting is right however a batch is repeated, cut off, or overtaken by another one.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::queue::encode;
use homing_domain::{
    BatchId, Channel, Counter, DeviceId, Ended, Event, Fact, MessageId, Reason, Receipt, ReceiptBatch, Tally,
    UnixMillis,
};
use homing_ports::StageError;

use super::RecordReceipts;
use crate::tests::world::{When, World};

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

#[test]
fn a_failed_batch_comes_back_after_the_others() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        for at in 1..=14 {
            for when in When::ALL {
                let world = Arc::new(World::default());
                world.with(|state| state.fail_at = Some((at, when)));
                let batches = batches();
                let failed: Vec<_> = order.iter().filter(|n| handle(&world, &batches[**n]).is_err()).collect();
                world.with(|state| state.fail_at = None);
                for n in &failed {
                    handle(&world, &batches[**n]).unwrap();
                }
                check(&world);
                // And everything once more.
                for batch in &batches {
                    handle(&world, batch).unwrap();
                }
                check(&world);
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
    world.with(|state| assert_eq!(state.calls, 5, "the third batch needs no call, the second only one"));
}

#[test]
fn a_body_that_is_no_batch_is_poison() {
    let stage = RecordReceipts::new(Arc::new(World::default()));
    let answer = stage.consume(&Bytes::from_static(b"[]")).now_or_never().unwrap();
    assert!(matches!(answer, Err(StageError::Poison { .. })));
}
