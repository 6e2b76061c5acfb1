//! Leases as items, and what renews and ends them.

use serde_json::json;

use super::*;
use crate::script::{NOW, Reply, Script};

fn lease(draining: bool) -> Lease {
    Lease {
        gateway: GatewayRef { server_id: ServerId([0, 0, 0, 0, 0, 0, 1, 0xa1]), incarnation: 7 },
        host: "gw-1.example".to_owned(),
        port: 7_443,
        region: "east".to_owned(),
        load: Load { links: 3, capacity: 10 },
        draining,
        expires_at: NOW.plus(15_000),
    }
}

#[test]
fn every_field_comes_back_and_thirty_leases_are_one_read_unit() {
    for lease in [lease(false), Lease { region: String::new(), ..lease(true) }] {
        assert_eq!(read(write(&lease)), Ok(lease));
    }
    let name_bytes: usize = write(&lease(true)).keys().map(String::len).sum();
    // Names, keys, three numbers of 2 to 8 bytes and some, host and region.
    assert!(name_bytes + 9 + 40 + 20 <= 4_096 / 30, "{name_bytes}");
}

#[tokio::test]
async fn an_older_or_ended_incarnation_is_refused() {
    let queue = || Reply::Done(json!({ "QueueUrl": "https://queue.example/gw" }));
    let (store, script) =
        Script::store([queue(), Reply::Done(json!({})), Reply::error("ConditionalCheckFailedException")]);
    assert!(store.renew_lease(lease(false)).await.unwrap());
    assert!(!store.renew_lease(lease(false)).await.unwrap());
    assert_eq!(script.operations(), ["CreateQueue", "PutItem", "PutItem"], "the inbox is there before the lease");
    let condition = &script.sent()[1].body["ConditionExpression"];
    assert_eq!(condition, "attribute_not_exists(#pk) OR #in < :me OR (#in = :me AND attribute_not_exists(#en))");
}

#[tokio::test]
async fn ending_what_another_incarnation_has_is_no_error() {
    let (store, script) = Script::store([Reply::error("ConditionalCheckFailedException")]);
    store.end_lease(lease(false).gateway).await.unwrap();
    assert_eq!(script.sent()[0].body["UpdateExpression"], "SET #en = :ended, #ex = :never, #ttl = :ttl");
}
