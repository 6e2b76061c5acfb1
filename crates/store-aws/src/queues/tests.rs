//! What SQS does with a part of a batch, and what a caller is told of it.

use homing_domain::limits::QUEUE_DELAY_MAX;
use serde_json::{Value, json};

use super::*;
use crate::script::{Reply, Script, Sent};
use crate::with_trace;

const QUEUE: QueueName = QueueName::Dispatch;

fn items(count: usize) -> Vec<Outgoing> {
    (0..count).map(|n| Outgoing::now(Bytes::from(n.to_string()))).collect()
}

fn sent_but(failed: &[(usize, bool)]) -> Reply {
    let entry = |(id, is_ours): &(usize, bool)| json!({ "Id": id.to_string(), "Code": "Any", "SenderFault": is_ours });
    Reply::Done(json!({ "Successful": [], "Failed": failed.iter().map(entry).collect::<Vec<_>>() }))
}

fn received(receives: u32) -> Reply {
    Reply::Done(json!({ "Messages": [{
        "MessageId": "m", "ReceiptHandle": "h", "Body": "b",
        "Attributes": { "ApproximateReceiveCount": receives.to_string(), "SentTimestamp": "7" },
    }] }))
}

fn bodies(sent: &Sent) -> Vec<&str> {
    let entries = sent.body["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry["MessageBody"].as_str()).collect()
}

#[tokio::test]
async fn only_what_failed_is_sent_again() {
    let (store, script) = Script::store([sent_but(&[(1, false), (2, false)]), sent_but(&[(2, false)]), sent_but(&[])]);
    store.send(QUEUE, items(4)).await.unwrap();
    let sent = script.sent();
    assert_eq!(sent.iter().map(bodies).collect::<Vec<_>>(), [vec!["0", "1", "2", "3"], vec!["1", "2"], vec!["2"]]);
}

#[tokio::test]
async fn what_goes_on_failing_is_the_callers_to_repeat() {
    let (store, script) = Script::store(vec![sent_but(&[(0, false)]); 9]);
    assert_eq!(store.send(QUEUE, items(1)).await.unwrap_err().fault, Fault::Retry);
    assert_eq!(script.sent().len(), 3);
    let (store, script) = Script::store([sent_but(&[(0, true)])]);
    assert_eq!(store.send(QUEUE, items(1)).await.unwrap_err().fault, Fault::Broken, "SQS will never take it");
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn throttling_is_tried_again_and_then_told() {
    let throttled = || Reply::error("ThrottlingException");
    let (store, script) = Script::store([throttled(), Reply::ServerError, Reply::Lost, sent_but(&[])]);
    store.send(QUEUE, items(1)).await.unwrap();
    assert_eq!(script.sent().len(), 4);
    let (store, _) = Script::store((0..9).map(|_| throttled()));
    assert_eq!(store.send(QUEUE, items(1)).await.unwrap_err().fault, Fault::Retry);
    let (store, _) = Script::store([Reply::error("AccessDenied")]);
    assert_eq!(store.send(QUEUE, items(1)).await.unwrap_err().fault, Fault::Broken);
}

#[tokio::test]
async fn an_item_carries_its_delay_group_and_trace() {
    let item = Outgoing { delay: 1_001, group: Some("shop".into()), ..Outgoing::now(Bytes::from_static(b"{}")) };
    let far = Outgoing { delay: 10 * QUEUE_DELAY_MAX, ..Outgoing::now(Bytes::from_static(b"{}")) };
    let (store, script) = Script::store([sent_but(&[])]);
    with_trace("Root=1-x".to_owned(), store.send(QUEUE, vec![item, far])).await.unwrap();
    let entries = script.sent()[0].body["Entries"].clone();
    assert_eq!((&entries[0]["DelaySeconds"], &entries[0]["MessageGroupId"]), (&json!(2), &json!("shop")));
    let trace = &entries[0]["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"];
    assert_eq!((trace, &entries[1]["DelaySeconds"]), (&json!("Root=1-x"), &json!(900)));
}

#[tokio::test]
async fn void_handles_are_no_failure_and_others_are() {
    let handles = || vec![ReceiptHandle(Bytes::from_static(b"a")), ReceiptHandle(Bytes::from_static(b"\xff"))];
    let (store, script) = Script::store([sent_but(&[(0, true)])]);
    store.delete(QUEUE, handles()).await.unwrap();
    assert_eq!(script.sent()[0].body["Entries"].as_array().map(Vec::len), Some(1), "what is no handle is not asked");
    let (store, _) = Script::store([sent_but(&[(0, false)])]);
    assert_eq!(store.delete(QUEUE, handles()).await.unwrap_err().fault, Fault::Retry);
}

#[tokio::test]
async fn what_was_received_too_often_is_buried_before_it_is_deleted() {
    let last = QUEUE.max_receives();
    let (store, script) = Script::store([received(last + 1), Reply::Done(json!({})), sent_but(&[])]);
    assert!(store.receive(QUEUE, 1, 0).await.unwrap().is_empty());
    assert_eq!(script.operations(), ["ReceiveMessage", "SendMessage", "DeleteMessageBatch"]);
    let attributes = &script.sent()[1].body["MessageAttributes"];
    assert_eq!(script.sent()[1].body["QueueUrl"], "homing_dead_dispatch");
    assert_eq!(attributes["receives"]["StringValue"], last.to_string());
    assert_eq!(attributes["sent_at"]["StringValue"], "7");
    let (store, _) = Script::store([received(last)]);
    assert_eq!(store.receive(QUEUE, 1, 0).await.unwrap()[0].receives, last, "the last try is one");
}

#[tokio::test]
async fn what_another_has_is_not_given_up() {
    let (store, script) = Script::store([received(1), Reply::error("ReceiptHandleIsInvalid")]);
    let item = store.receive(QUEUE, 1, 0).await.unwrap().remove(0);
    store.give_up(QUEUE, item, "no").await.unwrap();
    assert_eq!(script.operations(), ["ReceiveMessage", "ChangeMessageVisibility"]);
}

#[tokio::test]
async fn more_than_a_batch_is_asked_for_only_where_a_batch_came() {
    let full = Value::from(vec![json!({ "MessageId": "m", "ReceiptHandle": "h", "Body": "b" }); BATCH_MAX]);
    let empty = || Reply::Done(json!({}));
    let (store, script) = Script::store([Reply::Done(json!({ "Messages": full })), empty(), empty()]);
    assert_eq!(store.receive(QUEUE, 25, 60_000).await.unwrap().len(), BATCH_MAX);
    let asked: Vec<_> = script.sent().into_iter().map(|sent| sent.body).collect();
    assert_eq!(
        asked.iter().map(|body| body["WaitTimeSeconds"].as_i64()).collect::<Vec<_>>(),
        [Some(20), Some(0), Some(0)]
    );
    let wanted = asked.iter().map(|body| body["MaxNumberOfMessages"].as_i64()).collect::<Vec<_>>();
    assert_eq!(wanted, [Some(10), Some(10), Some(5)]);
}

#[test]
fn every_queue_has_its_settings_by_name() {
    for queue in QueueName::ALL {
        let name = queue.name().to_uppercase();
        assert_eq!(QUEUE_SETTINGS[queue as usize], format!("HOMING_QUEUE_{name}"));
        assert_eq!(DEAD_SETTINGS[queue as usize], format!("HOMING_DEAD_{name}"));
    }
}
