//! What comes back of items, and what is sent.

use homing_domain::{AppId, Channel};
use serde_json::json;

use super::*;
use crate::script::{Reply, Script};

const ONE: DeviceId = DeviceId::from_bytes([1; 16]);
const OTHER: DeviceId = DeviceId::from_bytes([2; 16]);

fn shop() -> AppId {
    "shop".parse().unwrap()
}

/// A refusal by the item of a token.
fn of(device: DeviceId, before: Option<DeviceId>) -> Reply {
    let bytes = |device: DeviceId| json!({ "B": aws_smithy_types::base64::encode(device.as_bytes()) });
    let mut item = json!({ "d": bytes(device), "v": { "N": "4" } });
    if let Some(before) = before {
        item["b"] = bytes(before);
    }
    Reply::Refused("ConditionalCheckFailedException", json!({ "Item": item }))
}

#[test]
fn every_field_comes_back() {
    for before in [None, Some(OTHER)] {
        let owner = Owner { device: ONE, before };
        assert_eq!(read(write(token_key(&shop(), Channel::Fcm, "t"), &owner)), Ok(owner));
    }
}

#[tokio::test]
async fn a_token_moves_by_one_refusal_and_no_read() {
    let (store, script) = Script::store([of(OTHER, None), Reply::Done(json!({}))]);
    assert_eq!(store.claim_token(&shop(), Channel::Fcm, "t", ONE).await.unwrap(), Some(OTHER));
    assert_eq!(script.operations(), ["PutItem", "PutItem"]);
    assert_eq!(script.sent()[1].body["ConditionExpression"], "#v = :v");
}

#[tokio::test]
async fn a_claim_that_is_repeated_is_answered_the_same_and_writes_nothing() {
    let (store, script) = Script::store([of(ONE, Some(OTHER)), of(ONE, None)]);
    for before in [Some(OTHER), None] {
        assert_eq!(store.claim_token(&shop(), Channel::Fcm, "t", ONE).await.unwrap(), before);
    }
    assert_eq!(script.operations(), ["PutItem", "PutItem"]);
}

#[tokio::test]
async fn a_token_of_any_length_has_a_key_that_aws_takes() {
    let long = "t".repeat(4_096);
    let (store, script) = Script::store([Reply::Done(json!({})), Reply::error("ConditionalCheckFailedException")]);
    assert_eq!(store.token_owner(&shop(), Channel::WebPush, &long).await.unwrap(), None);
    store.release_token(&shop(), Channel::WebPush, &long, ONE).await.unwrap();
    for sent in script.sent() {
        let key = sent.body["Key"]["pk"]["B"].as_str().unwrap().to_owned();
        assert!(key.len() < 200, "{key}");
    }
    assert_eq!(script.sent()[1].body["ConditionExpression"], "#d = :device");
}
