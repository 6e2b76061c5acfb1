//! Uploaded lists as items, what one request may name, and what was left unprocessed.

use homing_domain::{MemberKind, UnixMillis};
use homing_ports::Fault;
use serde_json::{Value as Json, json};

use super::*;
use crate::script::{NOW, Reply, Script};

const ID: AudienceId = AudienceId::from_bytes([7; 16]);
const TABLE: &str = "homing_table_directory";

fn list(name: Option<&str>, members: Option<u64>) -> UploadedAudience {
    UploadedAudience {
        id: ID,
        app: "shop".parse().unwrap(),
        name: name.map(str::to_owned),
        kind: MemberKind::Users,
        created_at: NOW,
        expires_at: NOW.plus(9_000),
        members,
    }
}

fn member(n: u8) -> Member {
    Member { key: MemberKey([n; 16]), user: Some(format!("user {n}").parse().unwrap()) }
}

fn stored() -> Reply {
    use aws_sdk_dynamodb::types::AttributeValue as V;
    let value = |value: &V| match value {
        V::B(bytes) => json!({ "B": aws_smithy_types::base64::encode(bytes) }),
        V::N(number) => json!({ "N": number }),
        V::S(text) => json!({ "S": text }),
        other => panic!("not in these rows: {other:?}"),
    };
    let item: serde_json::Map<_, _> =
        row::write(&list(None, None)).iter().map(|(name, v)| (name.clone(), value(v))).collect();
    Reply::Done(json!({ "Item": item }))
}

#[test]
fn every_field_comes_back_and_is_over_at_its_time() {
    for audience in [
        list(None, None),
        list(Some("券"), Some(0)),
        UploadedAudience { kind: MemberKind::Devices, ..list(None, Some(u64::MAX)) },
    ] {
        assert_eq!(row::read(row::write(&audience)), Ok(audience));
    }
    for member in [member(1), Member { user: None, ..member(2) }] {
        let item = row::write_member(&list(None, None), &member);
        assert!(crate::item::is_expired(&item, UnixMillis(NOW.0 + 10_000)) && !crate::item::is_expired(&item, NOW));
        assert_eq!(row::read_member(item), Ok(member));
    }
}

#[test]
fn no_list_is_in_anothers_partition() {
    let other = AudienceId::from_bytes([8; 16]);
    let keys = [(ID, 1), (ID, 2), (other, 1)].map(|(id, segment)| members_partition(&id, segment));
    let mut distinct = keys.to_vec();
    distinct.dedup();
    assert_eq!(distinct.len(), 3);
    let key = MemberKey([0xff; 16]);
    assert_eq!(member_key(&ID, key)["pk"].as_b().unwrap().as_ref(), members_partition(&ID, 63));
}

/// The items of a request that writes.
fn puts(body: &Json) -> &Vec<Json> {
    body["RequestItems"][TABLE].as_array().unwrap()
}

#[tokio::test]
async fn members_are_put_by_twenty_five_and_each_once_in_a_request() {
    let (store, script) = Script::store([stored(), Reply::Done(json!({})), Reply::Done(json!({}))]);
    let members: Vec<_> = (0..30).chain(0..30).map(member).collect();
    store.add_members(ID, members).await.unwrap();
    assert_eq!(script.operations(), ["GetItem", "BatchWriteItem", "BatchWriteItem"]);
    let mut sizes: Vec<_> = script.sent()[1..].iter().map(|sent| puts(&sent.body).len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 25]);
}

#[tokio::test]
async fn what_is_left_unprocessed_is_put_again_a_bounded_number_of_times() {
    let (probe, probed) = Script::store([stored(), Reply::Done(json!({}))]);
    probe.add_members(ID, vec![member(1)]).await.unwrap();
    let left = Reply::Done(json!({ "UnprocessedItems": { TABLE: [puts(&probed.sent()[1].body)[0]] } }));
    let (store, script) = Script::store([stored(), left.clone(), Reply::Done(json!({}))]);
    store.add_members(ID, vec![member(1), member(2)]).await.unwrap();
    assert_eq!(puts(&script.sent()[2].body).len(), 1, "only what was left");

    let (store, script) = Script::store([stored()].into_iter().chain((0..99).map(|_| left.clone())));
    let error = store.add_members(ID, vec![member(1)]).await.unwrap_err();
    assert_eq!((error.fault, script.sent().len()), (Fault::Retry, 1 + 8));
}

#[tokio::test]
async fn to_a_list_that_is_not_there_nothing_is_added() {
    let (store, script) = Script::store([Reply::Done(json!({}))]);
    store.add_members(ID, vec![member(1)]).await.unwrap();
    assert_eq!(script.operations(), ["GetItem"]);
}

#[tokio::test]
async fn a_request_names_no_key_twice() {
    let (store, script) = Script::store([Reply::Done(json!({ "Responses": { TABLE: [] } }))]);
    let keys = vec![member(1).key, member(2).key, member(1).key];
    assert_eq!(store.are_members(ID, keys).await.unwrap(), [false; 3]);
    let asked = &script.sent()[0].body["RequestItems"][TABLE];
    assert_eq!((asked["Keys"].as_array().map(Vec::len), &asked["ConsistentRead"]), (Some(2), &json!(true)));
}

#[tokio::test]
async fn members_are_counted_page_by_page_and_set_once() {
    let mut pages = vec![stored()];
    let next = json!({ "pk": { "B": "AAAA" }, "sk": { "B": "AAAA" } });
    pages.push(Reply::Done(json!({ "Count": 1, "LastEvaluatedKey": next })));
    pages.extend((0..64).map(|_| Reply::Done(json!({ "Count": 2 }))));
    let Reply::Done(found) = stored() else { panic!("a reply") };
    pages.push(Reply::Done(json!({ "Attributes": found["Item"] })));
    let (store, script) = Script::store(pages);
    assert_eq!(store.finish_audience(ID).await.unwrap(), Some(list(None, Some(129))));
    let sent = script.sent();
    assert_eq!((sent[1].body["Select"].as_str(), sent.len()), (Some("COUNT"), 67));
    assert_eq!(sent[66].body["ConditionExpression"], "attribute_exists(#pk) AND attribute_not_exists(#mb)");
    let (store, _) = Script::store([Reply::Done(json!({}))]);
    assert_eq!(store.finish_audience(ID).await.unwrap(), None);
}

#[test]
fn what_is_sent_has_no_mistakes() {
    for expression in [in_segment(&ID, 3, None), in_segment(&ID, 3, Some(MemberKey([1; 16]))), finish(7)] {
        expression.into_parts();
    }
}
