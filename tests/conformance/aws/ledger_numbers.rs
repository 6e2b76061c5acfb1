//! The rows and the numbers of a large message, and of a message id that comes again after its history has aged out.

use futures_util::future::join_all;
use homing_domain::limits::HISTORY_KEPT_FOR;
use homing_domain::{Channel, Counter, Stage, Tally};
use homing_ports::Ledger;

use super::Aws;
use crate::adapter::Adapter;
use crate::values::{batch_id, delivered, device_id, message_id, shard_id};

/// Marks of each kind: together far more than the first item of the numbers takes.
const MARKS: u32 = 20;

fn of_batch() -> Tally {
    let mut change = Tally::default();
    change.add(Counter::Ended(Channel::Own, Stage::Delivered), 5);
    change
}

/// Counts every batch and every shard of a message, all at once and each of them twice.
async fn count_all(world: &Aws) {
    let ports = world.ports();
    let counts = (0..2 * MARKS).map(|run| async move {
        let n = run % MARKS;
        ports.count_targets(shard_id(n), message_id(1), 7, 0).await.unwrap();
        ports.count(batch_id(n), vec![(message_id(1), of_batch())]).await.unwrap();
    });
    join_all(counts).await;
}

fn expected() -> Tally {
    let mut tally = Tally::targeted(7 * MARKS as usize);
    tally.add(Counter::Ended(Channel::Own, Stage::Delivered), i64::from(5 * MARKS));
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_first_item_each_mark_counts_once() {
    let world = Aws::start().await;
    count_all(&world).await;
    assert_eq!(world.ports().tally(message_id(1)).await.unwrap(), expected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_id_that_comes_again_starts_anew() {
    let world = Aws::start().await;
    let ports = world.ports();
    ports.record(batch_id(1), vec![delivered(1, 1)], homing_domain::Snapshots::default()).await.unwrap();
    count_all(&world).await;
    // Deleted or not: nobody sees it any more.
    world.advance(HISTORY_KEPT_FOR + 1_000).await;
    assert!(ports.tally(message_id(1)).await.unwrap().is_empty());
    assert_eq!(ports.delivery(message_id(1), device_id(1)).await.unwrap(), None);
    assert!(ports.deliveries(message_id(1), None, 9).await.unwrap().is_empty());
    count_all(&world).await;
    assert_eq!(ports.tally(message_id(1)).await.unwrap(), expected());
    let again = ports.record(batch_id(2), vec![delivered(1, 1)], homing_domain::Snapshots::default()).await.unwrap();
    assert_eq!(again[0].ended.map(|ended| ended.by), Some(batch_id(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_go_through_all_partitions_in_the_order_of_devices() {
    const PAGE: usize = 5;
    let world = Aws::start().await;
    let ports = world.ports();
    // Two devices for each value of the first four bits but one.
    let numbers: Vec<u32> = (0..16).filter(|n| *n != 3).flat_map(|n| [n << 28, (n << 28) + 9]).collect();
    ports
        .record(
            batch_id(1),
            numbers.iter().rev().map(|n| delivered(1, *n)).collect(),
            homing_domain::Snapshots::default(),
        )
        .await
        .unwrap();
    let mut found = Vec::new();
    loop {
        let page = ports.deliveries(message_id(1), found.last().copied(), PAGE).await.unwrap();
        found.extend(page.iter().map(|row| row.device));
        if page.len() < PAGE {
            break;
        }
    }
    assert_eq!(found, numbers.into_iter().map(device_id).collect::<Vec<_>>());
}
