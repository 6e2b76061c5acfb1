//! What is sent for each operation, and what comes of a condition that does not hold. That the updates in place do what the
//! model does is shown over the emulator.

use bytes::Bytes;
use homing_domain::mailbox::{Body, Route};
use homing_domain::{GatewayRef, Priority, ServerId, UnixMillis};
use serde_json::{Value as Json, json};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::*;
use crate::script::{NOW, Reply, Script};

fn device() -> DeviceId {
    DeviceId::from_bytes([0xd; 16])
}

fn message(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

fn request(n: u8) -> Enqueue {
    Enqueue {
        app: "shop".parse().unwrap(),
        message: message(n),
        user: None,
        now: NOW,
        accepted_at: NOW,
        expires_at: NOW.plus(60_000),
        priority: Priority::High,
        collapse_key: None,
        body: Body::Inline(Bytes::from_static(b"{}")),
        variant: 0,
    }
}

fn mailbox() -> Mailbox {
    let mut mailbox = Mailbox::new("shop".parse().unwrap(), 7, 1, Some(UserHash(5)));
    mailbox.enqueue(request(1));
    mailbox.take_over(takeover(3)).unwrap();
    mailbox
}

fn takeover(conn_seq: ConnSeq) -> Takeover {
    let gateway = GatewayRef { server_id: ServerId([8; 8]), incarnation: conn_seq };
    Takeover { gateway, conn_seq, credential_generation: 1, now: UnixMillis(0) }
}

/// An item as DynamoDB writes it.
fn stored(mailbox: &Mailbox) -> Json {
    let item = row::write(device(), mailbox).with(VERSION, 9_u64).finish();
    Json::Object(item.iter().map(|(name, value)| (name.clone(), json_of(value))).collect())
}

fn json_of(value: &AttributeValue) -> Json {
    match value {
        AttributeValue::N(digits) => json!({ "N": digits }),
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::B(blob) => json!({ "B": BASE64_STANDARD.encode(blob) }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::L(values) => json!({ "L": values.iter().map(json_of).collect::<Vec<_>>() }),
        AttributeValue::M(map) => {
            json!({ "M": map.iter().map(|(name, value)| (name.clone(), json_of(value))).collect::<serde_json::Map<_, _>>() })
        }
        other => panic!("{other:?} stands in no mailbox"),
    }
}

fn before(mailbox: &Mailbox) -> Reply {
    Reply::Done(json!({ "Attributes": stored(mailbox) }))
}

fn refused(mailbox: &Mailbox) -> Reply {
    Reply::Refused("ConditionalCheckFailedException", json!({ "Item": stored(mailbox) }))
}

async fn enqueue_one(store: &AwsStore, request: Enqueue) -> Result<Enqueued> {
    store.enqueue(vec![(device(), request)]).await.unwrap().remove(0)
}

#[tokio::test]
async fn the_common_case_is_one_update() {
    let (store, script) = Script::store([before(&mailbox()), before(&mailbox()), before(&mailbox())]);
    let route = mailbox().route;
    let enqueued = enqueue_one(&store, request(2)).await.unwrap();
    assert_eq!(enqueued, Enqueued::Stored { seq: 2, enqueued_at: NOW, route, has_vendor: false, collapsed: vec![] });
    let taken = store.take_over(device(), takeover(4)).await.unwrap().unwrap();
    assert_eq!((taken.previous, taken.mailbox.entries.len()), (route, 1));
    assert_eq!(store.detach(device(), 3, 1).await.unwrap(), Ok(Detached));
    assert_eq!(script.operations(), ["UpdateItem"; 3]);
    for sent in script.sent() {
        assert_eq!(sent.body["TableName"], "homing_table_mailboxes");
        assert_eq!(sent.body["ReturnValues"], "ALL_OLD");
        assert_eq!(sent.body["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
        assert_eq!(sent.body["ReturnConsumedCapacity"], "TOTAL");
    }
}

#[tokio::test]
async fn a_repeat_is_answered_from_the_refusal() {
    let (store, script) = Script::store([Reply::Lost, refused(&mailbox()), refused(&mailbox())]);
    let route = mailbox().route;
    let repeat = enqueue_one(&store, Enqueue { now: UnixMillis(1), ..request(1) }).await.unwrap();
    assert_eq!(repeat, Enqueued::Stored { seq: 1, enqueued_at: NOW, route, has_vendor: false, collapsed: vec![] });
    let again = store.take_over(device(), takeover(3)).await.unwrap().unwrap();
    assert_eq!(again.previous, None, "it was us");
    assert_eq!(script.operations(), ["UpdateItem"; 3], "nothing else is asked or written");
}

#[tokio::test]
async fn a_refusal_that_changes_the_mailbox_is_written_on_its_version() {
    let (store, script) = Script::store([refused(&mailbox()), Reply::Done(json!({}))]);
    let foreign = Enqueue { user: Some(UserHash(6)), ..request(2) };
    assert_eq!(enqueue_one(&store, foreign).await.unwrap(), Enqueued::Refused(Reason::Unbound));
    let put = &script.sent()[1];
    assert_eq!(put.operation, "PutItem");
    assert_eq!(put.body["ExpressionAttributeValues"], json!({ ":v": { "N": "9" } }));
    assert_eq!(put.body["Item"]["v"], json!({ "N": "10" }));
    assert_eq!(put.body["Item"]["r"], json!({ "L": [{ "B": "AgICAgICAgI=" }] }));
}

#[tokio::test]
async fn without_an_item_there_is_no_mailbox() {
    let missing = || Reply::error("ConditionalCheckFailedException");
    let (store, script) = Script::store([missing(), missing(), missing()]);
    assert_eq!(enqueue_one(&store, request(1)).await.unwrap(), Enqueued::Unknown);
    assert_eq!(store.take_over(device(), takeover(1)).await.unwrap(), Err(TakeoverRefused::Revoked));
    assert_eq!(store.detach(device(), 1, 0).await.unwrap(), Err(NO_OWNER));
    assert_eq!(script.sent().len(), 3);
}

#[tokio::test]
async fn each_device_has_its_own_fate() {
    let (store, _) = Script::store([before(&mailbox())].into_iter().chain((0..4).map(|_| Reply::ServerError)));
    let requests = vec![(device(), request(2)), (device(), request(3))];
    let answers = store.enqueue(requests).await.unwrap();
    assert!(matches!(answers[0], Ok(Enqueued::Stored { .. })), "one device's requests go in their order");
    assert_eq!(answers[1].as_ref().unwrap_err().fault, Fault::Retry);
}

#[tokio::test]
async fn a_damaged_item_is_broken_and_named() {
    let mut damaged = stored(&mailbox());
    damaged["lo"] = json!({ "S": "one" });
    let (store, _) = Script::store([Reply::Done(json!({ "Item": damaged }))]);
    let error = store.mailbox(device()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Broken);
    assert!(error.to_string().ends_with("the attribute lo of an item of the table mailboxes is missing or damaged"));
}

#[tokio::test]
async fn only_a_revoked_mailbox_ages() {
    let (store, script) = Script::store([Reply::Done(json!({ "Item": stored(&mailbox()) })), Reply::Done(json!({}))]);
    let route = Some(Route { gateway: takeover(3).gateway, conn_seq: 3 });
    let unseen = vec![message(1)];
    assert_eq!(store.revoke(device()).await.unwrap(), Some(Rebound { unseen, route }));
    let put = &script.sent()[1];
    assert_eq!(put.body["Item"]["ttl"], json!({ "N": NOW.plus(HISTORY_KEPT_FOR).0.div_ceil(1_000).to_string() }));
    assert!(stored(&mailbox()).get("ttl").is_none());
}
