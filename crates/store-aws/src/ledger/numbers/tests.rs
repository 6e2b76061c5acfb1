//! Each way that an addition can go.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value as Json, json};

use super::*;
use crate::item::Table;
use crate::script::{NOW, Reply, Script};

const CALL: Call = Call { operation: "count", table: Table::Ledger };

fn batch(n: u8) -> BatchId {
    BatchId::from_bytes([n; 16])
}

fn change() -> Tally {
    let mut change = Tally::targeted(2);
    change.add(Counter::Ended(Channel::Own, Stage::Delivered), 3);
    change.add(Counter::Fact(Channel::WebPush, Fact::Opened), -1);
    change
}

async fn count(store: &AwsStore, n: u8) -> Result<()> {
    store.count_once(CALL, Mark::batch(&batch(n)), MessageId::from_bytes([9; 16]), change()).await
}

/// The first item, full, with the marks of batches 1 to 16, kept until a time.
fn full(until: UnixMillis) -> Json {
    let marks: Vec<_> = (1..=16).map(|n| BASE64_STANDARD.encode(Mark::batch(&batch(n)).0)).collect();
    json!({ "applied": { "BS": marks }, "ttl": { "N": (until.0 / 1_000).to_string() } })
}

fn refused(item: Json) -> Reply {
    Reply::Refused("ConditionalCheckFailedException", json!({ "Item": item }))
}

fn cancelled(reasons: Json) -> Reply {
    Reply::Refused("TransactionCanceledException", json!({ "CancellationReasons": reasons }))
}

fn done() -> Reply {
    Reply::Done(json!({}))
}

#[tokio::test]
async fn the_first_sixteen_are_one_update_each() {
    let (store, script) = Script::store([done()]);
    count(&store, 1).await.unwrap();
    let sent = script.sent();
    assert_eq!(script.operations(), ["UpdateItem"]);
    let text = sent[0].body["UpdateExpression"].as_str().unwrap();
    assert!(text.ends_with("ADD #applied :mark, #targeted :n0, #own_delivered :n1, #webpush_opened :n2"), "{text}");
    assert_eq!(sent[0].body["ExpressionAttributeValues"][":n2"], json!({ "N": "-1" }));
    store.count_once(CALL, Mark::batch(&batch(1)), MessageId::from_bytes([9; 16]), Tally::default()).await.unwrap();
    assert_eq!(script.sent().len(), 1, "nothing to add is nothing to send");
}

#[tokio::test]
async fn what_was_added_is_not_added_again() {
    let (store, script) = Script::store([refused(full(NOW.plus(9_000)))]);
    count(&store, 16).await.unwrap();
    assert_eq!(script.operations(), ["UpdateItem"]);
    // The mark's row is there.
    let there = json!([{ "Code": "ConditionalCheckFailed" }, { "Code": "None" }]);
    let (store, script) = Script::store([refused(full(NOW.plus(9_000))), cancelled(there)]);
    count(&store, 17).await.unwrap();
    assert_eq!(script.operations(), ["UpdateItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn beyond_the_first_item_a_transaction_adds_beside_the_marks_row() {
    let conflict = json!([{ "Code": "None" }, { "Code": "TransactionConflict" }]);
    let (store, script) = Script::store([refused(full(NOW.plus(9_000))), cancelled(conflict), done()]);
    count(&store, 17).await.unwrap();
    let sent = script.sent();
    assert_eq!(script.operations(), ["UpdateItem", "TransactWriteItems", "TransactWriteItems"]);
    let items = |n: usize| &sent[n].body["TransactItems"];
    let mark = BASE64_STANDARD.encode([&b"b\x01"[..], &[17; 16]].concat());
    assert_eq!(items(1)[0]["Put"]["Item"]["sk"], json!({ "B": mark }));
    assert_eq!(items(1)[0], items(2)[0]);
    assert_ne!(items(1)[1]["Update"]["Key"]["sk"], items(2)[1]["Update"]["Key"]["sk"], "out of each other's way");
}

#[tokio::test]
async fn items_of_a_former_life_are_deleted_first() {
    let (store, script) = Script::store([refused(full(NOW.minus(9_000))), done(), done()]);
    count(&store, 16).await.unwrap();
    assert_eq!(script.operations(), ["UpdateItem", "DeleteItem", "UpdateItem"]);
    assert_eq!(script.sent()[1].body["ConditionExpression"], "#ttl <= :now");
    let stale = json!([{ "Code": "None" }, { "Code": "ConditionalCheckFailed" }]);
    let full = || refused(full(NOW.plus(9_000)));
    let (store, script) = Script::store([full(), cancelled(stale), done(), full(), done()]);
    count(&store, 17).await.unwrap();
    assert_eq!(script.operations()[1..], ["TransactWriteItems", "DeleteItem", "UpdateItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn the_numbers_are_the_sum_of_the_items() {
    let item = |number: i64| json!({ "pk": { "B": "" }, "own_handed_off": { "N": number.to_string() } });
    let mut over = item(1_000);
    over["ttl"] = json!({ "N": "5" });
    let (store, script) = Script::store([Reply::Done(json!({ "Items": [item(3), item(-1), over] }))]);
    let tally = store.numbers_of(CALL, MessageId::from_bytes([9; 16])).await.unwrap();
    assert_eq!(tally.iter().collect::<Vec<_>>(), [(Counter::Ended(Channel::Own, Stage::HandedOff), 2)]);
    assert_eq!(script.sent()[0].body["ConsistentRead"], true);
}

#[test]
fn every_number_has_a_name_of_its_own() {
    for channel in Channel::ALL {
        let stages = Stage::ALL.map(|stage| Counter::Ended(channel, stage)).into_iter();
        for number in stages.chain(Fact::ALL.map(|fact| Counter::Fact(channel, fact))) {
            assert_eq!(counter(&name(number)), Some(number));
        }
    }
    assert_eq!(counter(&name(Counter::Targeted)), Some(Counter::Targeted));
    assert_eq!(counter("pigeon_delivered"), None);
}

#[test]
fn a_shard_is_never_taken_for_a_batch() {
    assert_ne!(Mark::batch(&batch(1)), Mark::shard(&ShardId::from_bytes([1; 16])));
    let items: HashSet<_> = (0..8).map(|attempt| Mark::batch(&batch(3)).further_item(attempt)).collect();
    assert_eq!(items, (1..=8).collect());
}
