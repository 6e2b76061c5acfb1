//! Stored once, forwarded before it is acknowledged, and shown in an order that no reader misses anything of.

use std::time::Duration;

use bytes::Bytes;
use homing_domain::{DeviceId, UnixMillis};
use homing_ports::Fault;
use serde_json::{Value as Json, json};

use super::landing::move_mark;
use super::position::LANDS_WITHIN;
use super::row::Mark;
use super::*;
use crate::script::{NOW, Reply, Script};

const DEVICE: DeviceId = DeviceId::from_bytes([3; 16]);

fn upstream() -> Upstream {
    Upstream {
        app: "shop".parse().unwrap(),
        device: DEVICE,
        id: 12,
        topic: "chat/房间".to_owned(),
        payload: Bytes::from_static(b"\x00\xff"),
        received_at: UnixMillis(12),
    }
}

fn done() -> Reply {
    Reply::Done(json!({}))
}

fn no_app() -> Reply {
    done()
}

fn app_with_queue() -> Reply {
    let app = json!({
        "pk": { "B": "" }, "sk": { "B": "" }, "a": { "S": "shop" }, "nm": { "S": "" }, "ks": { "L": [] },
        "ck": { "B": aws_smithy_types::base64::encode([0; 32]) }, "ca": { "N": "1" }, "rv": { "N": "1" },
        "uq": { "S": "https://queue.example/business" },
    });
    Reply::Done(json!({ "Item": app }))
}

fn cancelled(reasons: Json) -> Reply {
    Reply::Refused("TransactionCanceledException", json!({ "CancellationReasons": reasons }))
}

fn is_there(is_forwarding: bool) -> Reply {
    let mut mark = json!({ "p": { "N": "4096" }, "a": { "S": "shop" } });
    if is_forwarding {
        mark["fw"] = json!({ "BOOL": true });
    }
    cancelled(json!([{ "Code": "ConditionalCheckFailed", "Item": mark }, { "Code": "None" }]))
}

fn taken() -> Reply {
    Reply::Done(json!({ "Successful": [{ "Id": "0", "MessageId": "m", "MD5OfMessageBody": "" }], "Failed": [] }))
}

/// The position that the n-th request draws.
fn drawn(script: &Script, n: usize) -> u64 {
    let put = &script.sent()[n].body["TransactItems"][0]["Put"]["Item"]["p"]["N"];
    put.as_str().and_then(|digits| digits.parse().ok()).unwrap()
}

#[test]
fn both_items_come_back() {
    for is_forwarding in [false, true] {
        let mark = Mark { app: upstream().app, position: 9, is_forwarding };
        assert_eq!(row::read_mark(row::write_mark(&upstream(), mark.clone(), NOW)), Ok(mark));
    }
    let stored = StoredUpstream { position: u64::MAX >> 11, upstream: upstream() };
    let item = row::write_entry(&stored.upstream, stored.position, NOW);
    assert_eq!(row::read_entry(&upstream().app, item), Ok(stored));
}

#[tokio::test]
async fn a_try_that_nobody_answered_is_made_anew_with_a_later_position() {
    let (store, script) = Script::store([no_app(), Reply::Lost, Reply::ServerError, done()]);
    assert_eq!(store.store_upstream(upstream()).await.unwrap(), Created::New);
    assert_eq!(script.sent().len(), 4, "and not by the SDK with the old one");
    assert!(drawn(&script, 1) < drawn(&script, 2) && drawn(&script, 2) < drawn(&script, 3));
    let writes = &script.sent()[3].body["TransactItems"];
    let conditions = [0, 1].map(|n| writes[n]["Put"]["ConditionExpression"].clone());
    assert_eq!(conditions, ["attribute_not_exists(#pk)", "attribute_not_exists(#pk)"], "only one of them lands");
}

#[tokio::test]
async fn what_nobody_ever_answers_is_left_to_the_caller() {
    let (store, script) = Script::store([no_app()]);
    assert_eq!(store.store_upstream(upstream()).await.unwrap_err().fault, Fault::Retry);
    let tries = script.operations().iter().filter(|name| *name == "TransactWriteItems").count();
    assert_eq!(tries, 4, "a bounded number of times");
}

#[tokio::test]
async fn a_position_that_somebody_has_is_drawn_anew() {
    let collision = cancelled(json!([{ "Code": "None" }, { "Code": "ConditionalCheckFailed" }]));
    let (store, script) = Script::store([no_app(), collision, done()]);
    assert_eq!(store.store_upstream(upstream()).await.unwrap(), Created::New);
    assert!(drawn(&script, 1) < drawn(&script, 2));
}

#[tokio::test]
async fn it_is_forwarded_before_it_is_answered() {
    let (store, script) = Script::store([app_with_queue(), done(), taken(), done(), done()]);
    assert_eq!(store.store_upstream(upstream()).await.unwrap(), Created::New);
    assert_eq!(script.operations(), ["GetItem", "TransactWriteItems", "SendMessageBatch", "UpdateItem"]);
    assert_eq!(script.sent()[2].body["QueueUrl"], "https://queue.example/business");
    assert_eq!(script.sent()[3].body["UpdateExpression"], "REMOVE #fw");
}

#[tokio::test]
async fn what_died_before_it_was_forwarded_is_forwarded_by_the_repeat() {
    let stored = json!({ "Item": {
        "sk": { "B": aws_smithy_types::base64::encode(4_096_u64.to_be_bytes()) },
        "d": { "B": aws_smithy_types::base64::encode([3; 16]) }, "n": { "N": "12" }, "to": { "S": "first" },
        "y": { "B": "" }, "at": { "N": "1" },
    } });
    let (store, script) = Script::store([app_with_queue(), is_there(true), Reply::Done(stored), taken(), done()]);
    assert_eq!(store.store_upstream(upstream()).await.unwrap(), Created::Exists);
    let body = script.sent()[3].body["Entries"][0]["MessageBody"].as_str().unwrap().to_owned();
    assert!(body.contains("\"first\""), "what is stored goes out, not what the repeat says: {body}");
    let (store, script) = Script::store([app_with_queue(), is_there(false)]);
    assert_eq!(store.store_upstream(upstream()).await.unwrap(), Created::Exists);
    assert_eq!(script.sent().len(), 2, "nothing is forwarded twice");
}

#[tokio::test]
async fn what_cannot_be_forwarded_is_not_acknowledged() {
    let (store, script) = Script::store([app_with_queue(), done(), Reply::error("AccessDeniedException")]);
    assert_eq!(store.store_upstream(upstream()).await.unwrap_err().fault, Fault::Broken);
    assert_eq!(script.operations().last().map(String::as_str), Some("SendMessageBatch"), "and stays marked");
}

#[tokio::test]
async fn what_landed_behind_the_readers_moves_to_the_end() {
    // The process stands still for 10 s while the first position is on its way.
    let (store, script) = Script::store_at([no_app(), done(), done()], [NOW, NOW, NOW, NOW, NOW.plus(10_000)]);
    assert_eq!(store.store_upstream(upstream()).await.unwrap(), Created::New);
    assert_eq!(script.operations(), ["GetItem", "TransactWriteItems", "TransactWriteItems"]);
    let writes = &script.sent()[2].body["TransactItems"];
    let update = &writes[0]["Update"];
    let (from, to) =
        (&update["ExpressionAttributeValues"][":from"]["N"], &update["ExpressionAttributeValues"][":to"]["N"]);
    assert_eq!(from, drawn(&script, 1).to_string().as_str());
    assert!(to.as_str().and_then(|to| to.parse::<u64>().ok()).unwrap() > last_settled(NOW.plus(10_000)));
    assert!(writes[1]["Delete"].is_object() && writes[2]["Put"].is_object());
}

#[test]
fn what_is_sent_has_no_mistakes() {
    // Debug builds lint what becomes a request.
    for expression in [move_mark(1, 2), forwarded(), between(&upstream().app, 3, 1, 2)] {
        expression.into_parts();
    }
}

#[test]
fn a_list_that_was_cut_hides_what_may_stand_behind_its_end() {
    let at = |position| StoredUpstream { position, upstream: upstream() };
    let lists = || vec![vec![at(1), at(5)], vec![at(2), at(3)], vec![at(4)], Vec::new()];
    let positions = |merged: Vec<StoredUpstream>| merged.into_iter().map(|stored| stored.position).collect::<Vec<_>>();
    assert_eq!(positions(merge(lists(), 2, 9)), [1, 2, 3], "the second list may go on with 4");
    assert_eq!(positions(merge(lists(), 3, 9)), [1, 2, 3, 4, 5]);
    assert_eq!(positions(merge(lists(), 3, 2)), [1, 2]);
}

#[tokio::test]
async fn a_reader_asks_for_nothing_that_is_not_settled() {
    let (store, script) = Script::store((0..8).map(|_| Reply::Done(json!({ "Items": [] }))));
    let cursor = last_settled(NOW);
    assert!(store.upstreams(&upstream().app, cursor, 9).await.unwrap().is_empty());
    assert_eq!(script.sent().len(), 0, "there is nothing between");
    assert!(store.upstreams(&upstream().app, cursor - 1, 9).await.unwrap().is_empty());
    assert_eq!(script.sent().len(), 8);
    assert!(script.sent().iter().all(|sent| sent.body["ConsistentRead"] == true));
    assert!(Duration::from_millis(SETTLES_AFTER) > 2 * LANDS_WITHIN, "a try lands well before its position is shown");
}
