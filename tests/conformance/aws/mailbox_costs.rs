//! What the operations of mailboxes and of the ledger cost, as their modules say and docs/COSTS.md adds up.

use std::collections::BTreeMap;

use bytes::Bytes;
use homing_domain::limits::MAILBOX_MAX_TRIMMED_IDS;
use homing_domain::mailbox::{Body, Enqueue};
use homing_domain::{Fact, Reason, Tally};
use homing_ports::{Ledger, Mailboxes};
use homing_store_aws::AwsStore;

use super::Aws;
use crate::adapter::Adapter;
use crate::values::{batch_id, delivered, device_id, enqueue, fact, mailbox, message_id, shard_id, takeover};

/// A payload that still fits one write unit beside a full memory of what was delivered.
const PAYLOAD_BYTES: usize = 290;

/// Requests and units of each kind of call since the last question.
fn spent(store: &AwsStore) -> BTreeMap<String, (u64, f64)> {
    let calls = store.meter().reset().into_iter();
    calls.map(|(call, cost)| (call.replace("DynamoDB.", ""), (cost.requests, cost.units))).collect()
}

fn costs<const N: usize>(calls: [(&str, u64, f64); N]) -> BTreeMap<String, (u64, f64)> {
    calls.into_iter().map(|(call, requests, units)| (call.to_owned(), (requests, units))).collect()
}

fn small(n: u32) -> Enqueue {
    Enqueue { body: Body::Inline(Bytes::from(vec![b'{'; PAYLOAD_BYTES])), ..enqueue(n) }
}

async fn enqueue_one(store: &AwsStore, request: Enqueue) {
    store.enqueue(vec![(device_id(1), request)]).await.unwrap().remove(0).unwrap();
}

/// A mailbox of a device that has had many messages.
async fn of_long_standing(store: &AwsStore) {
    let mut model = mailbox();
    model.take_over(takeover(1)).unwrap();
    for n in 0..u32::try_from(MAILBOX_MAX_TRIMMED_IDS).unwrap() {
        model.enqueue(enqueue(1_000 + n));
        model.trim(1, model.lo, model.hi).unwrap();
    }
    store.create_mailbox(device_id(1), model).await.unwrap();
    assert_eq!(spent(store), costs([("PutItem", 1, 1.0)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_of_a_push_is_one_write_unit() {
    let world = Aws::start().await;
    let store = world.ports();
    of_long_standing(store).await;
    store.take_over(device_id(1), takeover(2)).await.unwrap().unwrap();
    assert_eq!(spent(store), costs([("UpdateItem", 1, 1.0)]), "takeover");
    enqueue_one(store, small(1)).await;
    assert_eq!(spent(store), costs([("UpdateItem", 1, 1.0)]), "enqueue");
    store.trim(device_id(1), 2, 65, 65).await.unwrap().unwrap();
    assert_eq!(spent(store), costs([("GetItem", 1, 1.0), ("PutItem", 1, 1.0)]), "trim");
    store.detach(device_id(1), 2, 65).await.unwrap().unwrap();
    assert_eq!(spent(store), costs([("UpdateItem", 1, 1.0)]), "detach");
    enqueue_one(store, Enqueue { collapse_key: Some("k".to_owned()), ..small(2) }).await;
    assert_eq!(spent(store), costs([("GetItem", 1, 1.0), ("PutItem", 1, 1.0)]), "enqueue with a collapse key");
    store.withdraw(device_id(1), message_id(2), Reason::Recalled).await.unwrap();
    assert_eq!(spent(store), costs([("GetItem", 1, 1.0), ("PutItem", 1, 1.0)]), "withdraw");
    store.withdraw(device_id(1), message_id(2), Reason::Recalled).await.unwrap();
    assert_eq!(spent(store), costs([("GetItem", 1, 1.0)]), "and again");
    // A repeat asks for no more than its refusal, of which the answer does not say what it is billed.
    enqueue_one(store, small(1)).await;
    assert_eq!(spent(store), costs([("UpdateItem", 1, 0.0)]), "a repeated enqueue");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_and_numbers_are_one_write_unit_each() {
    let world = Aws::start().await;
    let store = world.ports();
    store
        .record(batch_id(1), (1..=5).map(|device| delivered(1, device)).collect(), homing_domain::Snapshots::default())
        .await
        .unwrap();
    assert_eq!(spent(store), costs([("PutItem", 5, 5.0)]), "five first receipts");
    store
        .record(
            batch_id(2),
            vec![fact(1, 1, Fact::Displayed), fact(1, 1, Fact::Opened)],
            homing_domain::Snapshots::default(),
        )
        .await
        .unwrap();
    assert_eq!(spent(store), costs([("GetItem", 1, 1.0), ("PutItem", 1, 1.0)]), "facts of one row");
    for shard in 0..16 {
        store.count_targets(shard_id(shard), message_id(1), 256, 0).await.unwrap();
    }
    assert_eq!(spent(store), costs([("UpdateItem", 16, 16.0)]), "the first sixteen counts");
    store.count(batch_id(1), vec![(message_id(1), Tally::targeted(1))]).await.unwrap();
    assert_eq!(spent(store), costs([("TransactWriteItems", 1, 4.0), ("UpdateItem", 1, 0.0)]), "the next ones");
    store.tally(message_id(1)).await.unwrap();
    assert_eq!(spent(store), costs([("Query", 1, 1.0)]), "the numbers");
    store.deliveries(message_id(1), None, 100).await.unwrap();
    assert_eq!(spent(store), costs([("Query", 16, 8.0)]), "a list looks into each partition");
}
