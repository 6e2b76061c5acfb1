//! Inboxes that are not there, were replaced, or come again.

use homing_domain::DeviceId;
use homing_ports::Fault;
use serde_json::{Value, json};

use super::*;
use crate::script::{Reply, Script};

fn gateway(incarnation: u64) -> GatewayRef {
    GatewayRef { server_id: ServerId([0xab; 8]), incarnation }
}

fn notice(conn_seq: u64) -> Notice {
    Notice::Reread { device: DeviceId::from_bytes([1; 16]), conn_seq }
}

fn url() -> Reply {
    Reply::Done(json!({ "QueueUrl": "https://queue.example/inbox" }))
}

fn done() -> Reply {
    Reply::Done(json!({ "Successful": [], "Failed": [] }))
}

/// An answer with one message for each incarnation.
fn messages(incarnations: &[u64]) -> Reply {
    let message = |incarnation: &u64| -> Value {
        let body = body::write(*incarnation, &[notice(*incarnation)]).remove(0);
        json!({ "ReceiptHandle": incarnation.to_string(), "Body": String::from_utf8_lossy(&body) })
    };
    Reply::Done(json!({ "Messages": incarnations.iter().map(message).collect::<Vec<_>>() }))
}

#[tokio::test]
async fn a_sender_finds_the_inbox_once() {
    let (store, script) = Script::store([url(), done(), done()]);
    store.notify(gateway(1), vec![notice(1)]).await.unwrap();
    store.notify(gateway(1), vec![notice(2)]).await.unwrap();
    assert_eq!(script.operations(), ["GetQueueUrl", "SendMessageBatch", "SendMessageBatch"]);
    assert_eq!(script.sent()[0].body["QueueName"], "homing_gateway_queue_prefixabababababababab");
}

#[tokio::test]
async fn without_an_inbox_notices_are_swallowed() {
    // The code as SQS says it in its header for older clients, which is the one the SDK knows it by.
    let gone = || Reply::error("AWS.SimpleQueueService.NonExistentQueue");
    let (store, script) = Script::store([gone(), url(), gone(), url(), done()]);
    for _ in 0..3 {
        store.notify(gateway(1), vec![notice(1)]).await.unwrap();
    }
    let asked = ["GetQueueUrl", "GetQueueUrl", "SendMessageBatch", "GetQueueUrl", "SendMessageBatch"];
    assert_eq!(script.operations(), asked, "a queue that went is looked for again");
}

#[tokio::test]
async fn what_is_for_an_earlier_life_is_dropped() {
    let (store, script) = Script::store([url(), messages(&[4, 5]), done()]);
    assert_eq!(store.take_notices(gateway(5), 9, 0).await.unwrap(), [notice(5)]);
    assert_eq!(script.operations(), ["CreateQueue", "ReceiveMessage", "DeleteMessageBatch"]);
    assert_eq!(script.sent()[2].body["Entries"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn who_was_replaced_takes_nothing_and_leaves_it_to_the_other() {
    let (store, script) = Script::store([url(), messages(&[4, 5]), done(), done()]);
    assert!(store.take_notices(gateway(4), 9, 0).await.unwrap().is_empty());
    assert_eq!(script.operations()[2..], ["ChangeMessageVisibility", "DeleteMessageBatch"]);
    assert_eq!(script.sent()[2].body["ReceiptHandle"], "5");
    assert!(store.take_notices(gateway(4), 9, 0).await.unwrap().is_empty());
    assert_eq!(script.sent().len(), 4, "and asks no more");
}

#[tokio::test]
async fn what_was_taken_is_answered_even_when_it_cannot_be_deleted() {
    let (store, _) = Script::store([url(), messages(&[1])]);
    assert_eq!(store.take_notices(gateway(1), 9, 0).await.unwrap(), [notice(1)]);
    let (store, _) = Script::store([url()]);
    assert_eq!(store.take_notices(gateway(1), 9, 0).await.unwrap_err().fault, Fault::Retry);
}
