//! What comes back of rows, and how the index of users follows them.

use homing_domain::{DeviceProfile, Lane, LaneChange, Platform, Preferences, QuietHours, UnixMillis, VendorToken};
use serde_json::{Value as Json, json};

use super::*;
use crate::script::{Reply, Script};

/// As far back as anyone remembers.
fn always(to: Lane) -> LaneChange {
    LaneChange { at: UnixMillis(0), to }
}

fn device(user: Option<&str>, revision: u64) -> Device {
    Device {
        id: DeviceId::from_bytes([0xff; 16]),
        app: "shop".parse().unwrap(),
        profile: DeviceProfile {
            platform: Platform::Harmony,
            brand: Some("品牌".to_owned()),
            model: Some("M1".to_owned()),
            os_version: Some("5".to_owned()),
            app_version: Some("1.2".to_owned()),
            locale: Some("zh-CN".to_owned()),
            timezone: Some("Asia/Shanghai".to_owned()),
            notifications_enabled: true,
        },
        vendor: Some(VendorToken { channel: "huawei".to_owned(), token: "t".to_owned(), since: UnixMillis(3) }),
        user: user.map(|user| user.parse().unwrap()),
        tags: vec!["b".to_owned(), "a".to_owned()],
        epoch: u64::MAX,
        key_id: 2,
        credential_generation: 4,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(10 + revision),
        revision,
        lanes: vec![always(Lane::Pages)],
        user_since: None,
        preferences: Preferences::default(),
        seen_at: UnixMillis(0),
    }
}

fn done() -> Reply {
    Reply::Done(json!({}))
}

fn cancelled(codes: [&str; 2]) -> Reply {
    let reasons = codes.map(|code| json!({ "Code": code }));
    Reply::Refused("TransactionCanceledException", json!({ "CancellationReasons": reasons }))
}

/// The row of a device as a refused write answers it.
fn refused(device: &Device) -> Reply {
    use aws_sdk_dynamodb::types::AttributeValue as V;
    let json_of = |value: &V| match value {
        V::B(bytes) => json!({ "B": aws_smithy_types::base64::encode(bytes) }),
        V::N(number) => json!({ "N": number }),
        V::S(text) => json!({ "S": text }),
        V::Bool(bool) => json!({ "BOOL": bool }),
        other => panic!("not in these rows: {other:?}"),
    };
    let mut item = row::write(device);
    item.remove("tg");
    let item: serde_json::Map<_, _> = item.iter().map(|(name, value)| (name.clone(), json_of(value))).collect();
    Reply::Refused("ConditionalCheckFailedException", json!({ "Item": item }))
}

#[test]
fn every_field_comes_back() {
    let full = device(Some("用户@例"), 1);
    let mut bare = Device { vendor: None, tags: Vec::new(), ..device(None, 1) };
    bare.profile = DeviceProfile {
        platform: Platform::Other,
        brand: None,
        model: None,
        os_version: None,
        app_version: None,
        locale: None,
        timezone: None,
        notifications_enabled: false,
    };
    let spared = Device {
        user_since: Some(UnixMillis(3)),
        preferences: Preferences {
            quiet_hours: Some(QuietHours { start: 1_320, end: 420 }),
            opted_out: vec!["ads".to_owned(), "新闻".to_owned()],
        },
        seen_at: UnixMillis(9),
        ..full.clone()
    };
    let mut old = row::write(&spared);
    for attribute in ["se", "uf", "qs", "qe", "oo"] {
        old.remove(attribute);
    }
    let read = row::read(old).unwrap();
    assert_eq!(read, Device { seen_at: full.updated_at, ..full.clone() }, "a row of the first releases");
    for device in [full, bare, spared] {
        assert_eq!(row::read(row::write(&device)), Ok(device));
    }
}

#[test]
fn a_device_has_the_lanes_that_were_noted_or_those_it_must_have_had() {
    let plain = Device { vendor: None, lanes: Vec::new(), ..device(None, 1) };
    let quiet_hours = Some(QuietHours { start: 0, end: 1 });
    let quiet = Device { preferences: Preferences { quiet_hours, ..Preferences::default() }, ..plain.clone() };
    let moved =
        vec![LaneChange { at: UnixMillis(9), to: Lane::Pages }, LaneChange { at: UnixMillis::NEVER, to: Lane::Feed }];
    for device in [device(None, 1), plain.clone(), quiet] {
        for lanes in [Vec::new(), vec![always(Lane::Pages)], vec![always(Lane::Feed)], moved.clone()] {
            let device = Device { lanes, ..device.clone() };
            assert_eq!(row::read(row::write(&device)), Ok(device));
        }
        let mut unnoted = row::write(&device);
        unnoted.remove("ln");
        let expected = if device == plain { Vec::new() } else { vec![always(Lane::Pages)] };
        assert_eq!(row::read(unnoted).unwrap().lanes, expected, "of a row of the release before");
    }
    assert!(!row::write(&plain).contains_key("ln"), "most devices need no room for it");
}

#[test]
fn no_user_of_one_app_is_anothers() {
    let entry = |app: &str, user: &str| {
        let device = Device { app: app.parse().unwrap(), ..device(Some(user), 1) };
        Owner::of(&device).unwrap().key(&device.id)
    };
    assert_ne!(entry("shop", "pinglin"), entry("shopping", "lin"));
    let mut partitions = vec![segment_partition(&"a".parse().unwrap(), 1), segment_partition(&"a".parse().unwrap(), 0)];
    partitions.push(crate::directory::all_apps());
    partitions.dedup();
    assert_eq!(partitions.len(), 3);
}

#[tokio::test]
async fn a_change_that_keeps_the_user_is_no_transaction() {
    let (store, script) = Script::store([done(), done()]);
    assert_eq!(store.replace_device(device(Some("lin"), 2)).await.unwrap(), Replaced::Done);
    assert_eq!(script.operations(), ["PutItem", "UpdateItem"]);
    assert_eq!(script.sent()[0].body["ConditionExpression"], "#rv = :before AND #us = :user");
    assert_eq!(script.sent()[1].body["ConditionExpression"], "#ua < :at");
    let (store, script) = Script::store([done()]);
    assert_eq!(store.replace_device(device(None, 2)).await.unwrap(), Replaced::Done);
    assert_eq!(script.operations(), ["PutItem"]);
}

#[tokio::test]
async fn a_change_of_the_user_takes_the_old_entry_away_in_one_transaction() {
    let (store, script) =
        Script::store([refused(&device(Some("lin"), 1)), cancelled(["None", "TransactionConflict"]), done()]);
    assert_eq!(store.replace_device(device(Some("wei"), 2)).await.unwrap(), Replaced::Done);
    assert_eq!(script.operations(), ["PutItem", "TransactWriteItems", "TransactWriteItems"]);
    let writes = &script.sent()[2].body["TransactItems"];
    let kinds: Vec<_> = writes.as_array().unwrap().iter().filter_map(Json::as_object).flat_map(|w| w.keys()).collect();
    assert_eq!(kinds, ["Put", "Delete", "Put"]);
    assert_eq!(writes[0]["Put"]["ExpressionAttributeValues"][":user"], json!({ "S": "lin" }), "the one that was read");
}

#[tokio::test]
async fn a_change_that_somebody_overtook_is_none() {
    let (store, script) = Script::store([refused(&device(Some("lin"), 3))]);
    assert_eq!(store.replace_device(device(Some("lin"), 2)).await.unwrap(), Replaced::Changed);
    assert_eq!(script.sent().len(), 1);
    let (store, _) = Script::store([refused(&device(Some("lin"), 1)), cancelled(["ConditionalCheckFailed", "None"])]);
    assert_eq!(store.replace_device(device(None, 2)).await.unwrap(), Replaced::Changed);
}

#[tokio::test]
async fn a_deletion_follows_the_device_to_its_last_user() {
    let (store, script) = Script::store([
        refused(&device(Some("lin"), 1)),
        cancelled(["ConditionalCheckFailed", "None"]),
        refused(&device(Some("wei"), 2)),
        done(),
    ]);
    store.delete_device(&device(None, 1).id).await.unwrap();
    let sent = script.sent();
    assert_eq!(sent[3].body["TransactItems"][0]["Delete"]["ExpressionAttributeValues"][":user"], json!({ "S": "wei" }));
    assert_eq!(sent.len(), 4);
}

#[tokio::test]
async fn a_device_is_created_with_its_entry_or_not_at_all() {
    let (store, script) = Script::store([done(), cancelled(["ConditionalCheckFailed", "None"])]);
    assert_eq!(store.create_device(device(Some("lin"), 1)).await.unwrap(), Created::New);
    assert_eq!(store.create_device(device(Some("lin"), 1)).await.unwrap(), Created::Exists);
    assert_eq!(script.sent()[0].body["TransactItems"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn many_devices_are_read_by_a_hundred_and_answered_in_order() {
    let table = "homing_table_directory";
    let none = || Reply::Done(json!({ "Responses": { table: [] } }));
    let stored = |id: u8| {
        let Reply::Refused(_, body) = refused(&Device { id: DeviceId::from_bytes([id; 16]), ..device(None, 1) }) else {
            panic!("a reply")
        };
        body["Item"].clone()
    };
    let (store, script) = Script::store([Reply::Done(json!({ "Responses": { table: [stored(2), stored(1)] } }))]);
    let id = |n: u8| DeviceId::from_bytes([n; 16]);
    let found = store.devices(vec![id(1), id(3), id(2), id(1)]).await.unwrap();
    let ids: Vec<_> = found.iter().map(|device| device.as_ref().map(|device| device.id)).collect();
    assert_eq!(ids, [Some(id(1)), None, Some(id(2)), Some(id(1))]);
    let asked = &script.sent()[0].body["RequestItems"][table];
    assert_eq!((asked["Keys"].as_array().map(Vec::len), &asked["ConsistentRead"]), (Some(3), &json!(false)));

    let (store, script) = Script::store([none(), none(), none()]);
    assert_eq!(store.devices((0..250).map(id).collect()).await.unwrap(), vec![None; 250]);
    assert_eq!(script.operations(), ["BatchGetItem"; 3]);
}

#[tokio::test]
async fn a_device_that_is_gone_is_not_touched_into_being() {
    let gone = Reply::Refused("ConditionalCheckFailedException", json!({}));
    let (store, script) = Script::store([done(), gone]);
    let id = device(None, 1).id;
    store.touch_device(&id, UnixMillis(5)).await.unwrap();
    store.touch_device(&id, UnixMillis(5)).await.unwrap();
    assert_eq!(script.sent()[0].body["UpdateExpression"], "SET #se = :at");
    assert_eq!(script.sent()[0].body["ConditionExpression"], "attribute_exists(#pk)");
}
