//! What comes of lost races and lost answers.

use serde_json::{Value as Json, json};

use super::*;
use crate::item::{ItemReader, ItemWriter, Table, key};
use crate::script::{NOW, Reply, Script};

const CALL: Call = Call { operation: "add one", table: Table::Ledger };

/// A counter as DynamoDB writes it.
fn counter(number: u64, version: u64) -> Json {
    json!({ "pk": { "B": "aw==" }, "n": { "N": number.to_string() }, "v": { "N": version.to_string() } })
}

fn refused(stored: Json) -> Reply {
    Reply::Refused("ConditionalCheckFailedException", json!({ "Item": stored }))
}

fn done() -> Reply {
    Reply::Done(json!({}))
}

/// Adds one up to five, and answers the number.
async fn add_one(store: &AwsStore, known: Known) -> Result<u64> {
    let decide = |item: Option<Item>| {
        let number = item.map_or(0, |item| ItemReader::new(Table::Ledger, item).take("n").unwrap());
        let write = (number < 5).then(|| ItemWriter::of(key(*b"k")).with("n", number + 1).finish());
        Ok(Decision { answer: number.min(4) + 1, write })
    };
    store.compare_and_swap(CALL, key(*b"k"), known, decide).await
}

#[tokio::test]
async fn it_reads_consistently_and_writes_what_nobody_changed() {
    let (store, script) = Script::store([Reply::Done(json!({ "Item": counter(1, 7) })), done()]);
    assert_eq!(add_one(&store, Known::Nothing).await.unwrap(), 2);
    let sent = script.sent();
    assert_eq!(script.operations(), ["GetItem", "PutItem"]);
    assert_eq!(sent[0].body["ConsistentRead"], true);
    assert_eq!(sent[1].body["Item"], counter(2, 8));
    assert_eq!(sent[1].body["ConditionExpression"], "#v = :v");
    assert_eq!(sent[1].body["ExpressionAttributeValues"], json!({ ":v": { "N": "7" } }));
    assert!(sent.iter().all(|sent| sent.body["ReturnConsumedCapacity"] == "TOTAL"));
}

#[tokio::test]
async fn the_loser_decides_anew_on_what_the_winner_left() {
    let (store, script) = Script::store([refused(counter(3, 2)), done()]);
    assert_eq!(add_one(&store, Known::Item(None)).await.unwrap(), 4);
    let sent = script.sent();
    assert_eq!(script.operations(), ["PutItem", "PutItem"], "it reads nothing");
    assert_eq!(sent[0].body["ConditionExpression"], "attribute_not_exists(#pk)");
    assert_eq!(sent[1].body["Item"], counter(4, 3));
}

#[tokio::test]
async fn a_loser_with_nothing_left_to_do_writes_nothing() {
    let (store, script) = Script::store([refused(counter(5, 2))]);
    assert_eq!(add_one(&store, Known::Item(None)).await.unwrap(), 5);
    assert_eq!(script.operations(), ["PutItem"]);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_again() {
    let (store, script) = Script::store([Reply::Lost, refused(counter(1, 1))]);
    assert_eq!(add_one(&store, Known::Item(None)).await.unwrap(), 1, "not added twice");
    assert_eq!(script.operations(), ["PutItem", "PutItem"]);
}

#[tokio::test]
async fn what_vanished_is_decided_on_as_missing() {
    let (store, script) = Script::store([
        Reply::Done(json!({ "Item": counter(1, 7) })),
        Reply::error("ConditionalCheckFailedException"),
        done(),
    ]);
    assert_eq!(add_one(&store, Known::Nothing).await.unwrap(), 1);
    assert_eq!(script.sent()[2].body["ConditionExpression"], "attribute_not_exists(#pk)");
}

#[tokio::test]
async fn an_item_whose_time_is_over_is_missing_but_its_version_goes_on() {
    let mut old = counter(3, 7);
    old["ttl"] = json!({ "N": (NOW.0 / 1_000).to_string() });
    let (store, script) = Script::store([Reply::Done(json!({ "Item": old })), done()]);
    assert_eq!(add_one(&store, Known::Nothing).await.unwrap(), 1);
    assert_eq!(script.sent()[1].body["Item"], counter(1, 8));
}

#[tokio::test]
async fn an_endless_race_is_left_to_the_callers_retry() {
    let (store, script) = Script::store((2..40).map(|version| refused(counter(1, version))));
    assert_eq!(add_one(&store, Known::Item(None)).await.unwrap_err().fault, Fault::Retry);
    assert_eq!(script.sent().len(), SWAP_MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn throttling_and_5xx_pass_and_what_lasts_is_a_retry() {
    let throttled = || Reply::error("ProvisionedThroughputExceededException");
    let (store, _) = Script::store([throttled(), Reply::ServerError, throttled(), done()]);
    assert_eq!(add_one(&store, Known::Item(None)).await.unwrap(), 1);
    let (store, script) = Script::store((0..9).map(|_| throttled()));
    assert_eq!(add_one(&store, Known::Item(None)).await.unwrap_err().fault, Fault::Retry);
    assert_eq!(script.sent().len(), 4, "a bounded number of tries");
    let (store, _) = Script::store([Reply::error("ValidationException")]);
    assert_eq!(add_one(&store, Known::Item(None)).await.unwrap_err().fault, Fault::Broken);
}
