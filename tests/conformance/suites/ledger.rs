//! The ledger: rows that the first end wins, and numbers that count once.

use futures_util::future::join_all;
use homing_domain::{BatchId, Channel, Counter, Delivery, DeviceId, Ended, Event, Fact, Reason, Receipt, Stage, Tally};
use homing_ports::Ledger;

use crate::adapter::{Adapter, Ports};
use crate::values::{batch_id, delivered, device_id, fact, message_id, receipt, shard_id};

fn expired(message: u32, device: u32) -> Receipt {
    receipt(message, device, Event::Ended(Ended::undelivered(Reason::Closed, None)))
}

/// Both steps, as the receipts stage runs them.
async fn record_and_count(ports: &impl Ports, batch: BatchId, receipts: Vec<Receipt>) {
    let rows = ports.record(batch, receipts, homing_domain::Snapshots::default()).await.unwrap();
    let mut changes = std::collections::BTreeMap::<_, Tally>::new();
    for row in rows {
        row.tally(batch, changes.entry(row.message).or_default());
    }
    ports.count(batch, changes.into_iter().collect()).await.unwrap();
}

async fn ended(ports: &impl Ports, message: u32, stage: Stage) -> i64 {
    ports.tally(message_id(message)).await.unwrap().get(Counter::Ended(Channel::Own, stage))
}

pub(crate) async fn the_first_end_wins_but_over_a_delivery<A: Adapter>(world: &A) {
    let ports = world.ports();
    let failed = receipt(1, 1, Event::Ended(Ended::undelivered(Reason::Overflow, None)));
    let first = ports.record(batch_id(1), vec![failed], homing_domain::Snapshots::default()).await.unwrap();
    assert_eq!((first[0].stage, first[0].reason), (Stage::Failed, Some(Reason::Overflow)));
    let loser = ports.record(batch_id(2), vec![expired(1, 1)], homing_domain::Snapshots::default()).await.unwrap();
    assert_eq!(loser, first, "the row as it stands");
    assert_eq!(ports.delivery(message_id(1), device_id(1)).await.unwrap(), Some(first[0].clone()));
    assert_eq!(ports.delivery(message_id(1), device_id(2)).await.unwrap(), None);

    record_and_count(ports, batch_id(3), vec![expired(2, 1)]).await;
    record_and_count(ports, batch_id(4), vec![delivered(2, 1)]).await;
    assert_eq!(ended(ports, 2, Stage::Expired).await, 0, "a late delivery takes the place of an expiry");
    assert_eq!(ended(ports, 2, Stage::Delivered).await, 1);
}

pub(crate) async fn a_row_with_many_receipts_is_answered_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    let receipts = vec![delivered(1, 1), fact(1, 1, Fact::Displayed), delivered(1, 2), fact(1, 1, Fact::Opened)];
    let rows = ports.record(batch_id(1), receipts, homing_domain::Snapshots::default()).await.unwrap();
    let mut devices: Vec<_> = rows.iter().map(|row| row.device).collect();
    devices.sort_unstable();
    assert_eq!(devices, [device_id(1), device_id(2)], "counting adds up what is answered");
    let row = rows.iter().find(|row| row.device == device_id(1)).unwrap();
    assert!(row.ended.is_some() && row.displayed.is_some() && row.opened.is_some());
}

pub(crate) async fn every_field_of_a_row_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let steps = [
        (1, receipt(1, 1, Event::Ended(Ended { stage: Stage::HandedOff, ..Ended::delivered(None, None) }))),
        (2, delivered(1, 1)),
        (3, fact(1, 1, Fact::Displayed)),
        (4, fact(1, 1, Fact::Opened)),
        (5, fact(1, 1, Fact::Dismissed)),
        (6, fact(1, 1, Fact::Opened)),
    ];
    let mut model = Delivery::new(message_id(1), device_id(1), Channel::Fcm);
    for (batch, receipt) in steps {
        let receipt = Receipt { channel: if batch == 1 { Channel::Fcm } else { Channel::Own }, ..receipt };
        model.record(&receipt, batch_id(batch));
        let rows = ports.record(batch_id(batch), vec![receipt], homing_domain::Snapshots::default()).await.unwrap();
        assert_eq!(rows, [model.clone()]);
        assert_eq!(ports.delivery(message_id(1), device_id(1)).await.unwrap(), Some(model.clone()));
    }
}

pub(crate) async fn a_batch_counts_once_per_message<A: Adapter>(world: &A) {
    let ports = world.ports();
    for _ in 0..3 {
        record_and_count(ports, batch_id(1), vec![delivered(1, 1), delivered(1, 2), delivered(2, 1)]).await;
    }
    assert_eq!(ended(ports, 1, Stage::Delivered).await, 2);
    assert_eq!(ended(ports, 2, Stage::Delivered).await, 1);
    record_and_count(ports, batch_id(2), vec![delivered(1, 3), delivered(1, 1)]).await;
    assert_eq!(ended(ports, 1, Stage::Delivered).await, 3, "a repeat in another batch changes no row");
    // One message of a batch was counted, the other not: the repeat must add the other alone.
    let mut one = Tally::default();
    one.add(Counter::Fact(Channel::Own, Fact::Opened), 1);
    ports.count(batch_id(3), vec![(message_id(1), one.clone())]).await.unwrap();
    ports.count(batch_id(3), vec![(message_id(1), one.clone()), (message_id(2), one.clone())]).await.unwrap();
    for message in [1, 2] {
        let tally = ports.tally(message_id(message)).await.unwrap();
        assert_eq!(tally.get(Counter::Fact(Channel::Own, Fact::Opened)), 1);
    }
}

pub(crate) async fn a_shards_targets_count_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    for _ in 0..2 {
        ports.count_targets(shard_id(1), message_id(1), 256, 0).await.unwrap();
        ports.count_targets(shard_id(2), message_id(1), 44, 0).await.unwrap();
    }
    assert_eq!(ports.tally(message_id(1)).await.unwrap(), Tally::targeted(300));
    // A batch with the bytes of a shard's id is still another thing.
    let batch = BatchId::from_bytes(*shard_id(1).as_bytes());
    record_and_count(ports, batch, vec![delivered(1, 1)]).await;
    assert_eq!(ended(ports, 1, Stage::Delivered).await, 1);
}

pub(crate) async fn concurrent_repeats_count_once<A: Adapter>(world: &A) {
    const BATCHES: u32 = 8;
    let ports = world.ports();
    let runs = (0..BATCHES * 4).map(|run| {
        let batch = run % BATCHES;
        record_and_count(ports, batch_id(batch), (0..10).map(|n| delivered(1, batch * 10 + n)).collect())
    });
    join_all(runs).await;
    assert_eq!(ended(ports, 1, Stage::Delivered).await, i64::from(BATCHES) * 10);
}

pub(crate) async fn deliveries_come_in_pages<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports
        .record(
            batch_id(1),
            [4, 2, 1, 3].map(|device| delivered(1, device)).to_vec(),
            homing_domain::Snapshots::default(),
        )
        .await
        .unwrap();
    ports.record(batch_id(2), vec![delivered(2, 9)], homing_domain::Snapshots::default()).await.unwrap();
    world.settle().await;
    let mut found = Vec::<DeviceId>::new();
    loop {
        let page = ports.deliveries(message_id(1), found.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3 && page.iter().all(|row| row.message == message_id(1)));
        found.extend(page.iter().map(|row| row.device));
    }
    assert_eq!(found, [1, 2, 3, 4].map(device_id));
}

pub(crate) async fn nothing_is_known_of_an_unknown_message<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert!(ports.tally(message_id(1)).await.unwrap().is_empty());
    assert!(ports.deliveries(message_id(1), None, 9).await.unwrap().is_empty());
    assert!(ports.record(batch_id(1), Vec::new(), homing_domain::Snapshots::default()).await.unwrap().is_empty());
    ports.count(batch_id(1), Vec::new()).await.unwrap();
}
