//! What comes back of rows, what they weigh, and what is done about refusals and what is left unprocessed.

mod change;

use bytes::Bytes;
use homing_domain::limits::{
    COLLAPSE_KEY_MAX_BYTES, FALLBACK_DEFAULT, FALLBACK_MAX, FANOUT_SEGMENTS, HISTORY_KEPT_FOR, HOLD_GRANULARITY,
    LOCALIZATIONS_MAX, MESSAGE_MAX_HOLDS, SHARD_MAX_DEVICES, TOPIC_MAX_BYTES,
};
use homing_domain::{
    Audience, AudienceId, Channel, Control, Cursor, DeliveryPolicy, DeviceId, Exclusion, Flow, Localization, MemberKey,
    Options, Priority, QuietHoursPolicy, Reason, Recurrence, Schedule, Stage, Target, UserHash, WallTime,
};
use serde_json::{Value as Json, json};

use super::row::{INLINE_MAX_BYTES, Segments};
use super::*;
use crate::batch::Freshness;
use crate::item::{Value as _, is_expired};
use crate::script::{NOW, Reply, Script};

const ID: MessageId = MessageId::from_bytes([7; 16]);

fn message(audience: Audience, payload: usize) -> Message {
    Message {
        id: ID,
        app: "shop".parse().unwrap(),
        audience,
        payload: Bytes::from(vec![b'p'; payload]),
        options: Options {
            ttl_seconds: 60,
            priority: Priority::High,
            collapse_key: Some("k".to_owned()),
            ..Options::default()
        },
        body_sha256: [9; 32],
        accepted_at: NOW,
        release_at: Some(NOW.plus(5)),
        expires_at: NOW.plus(60_000),
        stage: Stage::Releasing,
        releasing_at: Some(NOW.plus(6)),
        released_at: Some(NOW.plus(7)),
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        schedule: Schedule::Now,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 1 << 63 | 5,
    }
}

fn devices(count: u8) -> Vec<DeviceId> {
    (0..count).map(|n| DeviceId::from_bytes([n; 16])).collect()
}

/// An item as DynamoDB's JSON has it.
fn json_of(item: &Item) -> Json {
    let value = |value: &aws_sdk_dynamodb::types::AttributeValue| {
        use aws_sdk_dynamodb::types::AttributeValue as V;
        match value {
            V::B(bytes) => json!({ "B": aws_smithy_types::base64::encode(bytes) }),
            V::N(number) => json!({ "N": number }),
            V::S(text) => json!({ "S": text }),
            V::Bool(bool) => json!({ "BOOL": bool }),
            V::Ns(numbers) => json!({ "NS": numbers }),
            other => panic!("not in these rows: {other:?}"),
        }
    };
    item.iter().map(|(name, v)| (name.clone(), value(v))).collect::<serde_json::Map<_, _>>().into()
}

/// What DynamoDB bills an item for: names and values in UTF-8; a number is a byte per two digits and one more.
fn billed_bytes(item: &Item) -> usize {
    item.iter().map(|(name, v)| name.len() + value_bytes(v)).sum()
}

fn value_bytes(value: &aws_sdk_dynamodb::types::AttributeValue) -> usize {
    use aws_sdk_dynamodb::types::AttributeValue as V;
    let number = |digits: &str| digits.len().div_ceil(2) + 1;
    match value {
        V::B(bytes) => bytes.as_ref().len(),
        V::N(digits) => number(digits),
        V::S(text) => text.len(),
        V::Bool(_) => 1,
        V::L(values) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        V::Ns(set) => 3 + set.iter().map(|digits| 1 + number(digits)).sum::<usize>(),
        other => panic!("not in these rows: {other:?}"),
    }
}

#[test]
fn every_audience_comes_back_from_within_and_from_outside() {
    let users = ["lin", "用户 7", "a b"].map(|id| id.parse().unwrap()).to_vec();
    let audiences = [
        Audience::Devices(devices(3)),
        Audience::Devices(Vec::new()),
        Audience::Users(users),
        Audience::Users(Vec::new()),
        Audience::All,
    ];
    for audience in audiences {
        for payload in [2, 4_096] {
            let message = message(audience.clone(), payload);
            let (row, body) = row::write(&message, NOW);
            assert_eq!(body.is_some(), payload == 4_096);
            assert_eq!(row::body_key_in(&row).unwrap().is_some(), body.is_some());
            assert_eq!(row::read(row, body).unwrap(), message);
        }
    }
    let bare = Message {
        release_at: None,
        releasing_at: None,
        released_at: None,
        segments_done: 0,
        expires_at: UnixMillis::NEVER,
        options: Options { collapse_key: None, ..message(Audience::All, 1).options },
        ..message(Audience::All, 1)
    };
    let (row, _) = row::write(&bare, NOW);
    assert_eq!(row::read(row, None).unwrap(), bare);
}

/// Everything that a message can have, as large as it can be, without a schedule.
fn largest() -> Message {
    let mut largest = message(Audience::Devices(devices(4)), 4_096);
    largest.app = "a".repeat(32).parse().unwrap();
    largest.options = Options {
        ttl_seconds: u32::MAX,
        priority: Priority::High,
        collapse_key: Some("k".repeat(COLLAPSE_KEY_MAX_BYTES)),
        rate_per_second: Some(u32::MAX),
        topic: Some("t".repeat(TOPIC_MAX_BYTES)),
        quiet_hours: QuietHoursPolicy::Drop,
        silent: true,
        sync_read: true,
        delivery: DeliveryPolicy::Fallback { fallback_after: FALLBACK_MAX },
    };
    largest.exclude = Exclusion {
        devices: devices(200),
        users: vec!["u".repeat(128).parse().unwrap(), "券".parse().unwrap()],
        expression: Some("a && !b".parse().unwrap()),
        uploaded: Some(AudienceId::from_bytes([6; 16])),
    };
    largest.localizations = (0..LOCALIZATIONS_MAX)
        .map(|n| Localization { language: format!("l{n}"), payload: Bytes::from(vec![b'l'; 100 + n]) })
        .collect();
    largest.overrides =
        vec![(Channel::Apns, Bytes::from_static(b"{}")), (Channel::WebPush, Bytes::from(vec![b'o'; 99]))];
    largest.recalls = Some(MessageId::from_bytes([4; 16]));
    largest.series = Some(MessageId::from_bytes([5; 16]));
    largest.control = Control { flow: Flow::Recalled, paused_at: Some(NOW), paused_for: 1 << 40 };
    largest.segments_done = 1;
    largest.feed_after = Some(u64::MAX);
    largest
}

fn recurrence() -> Schedule {
    Schedule::Recurring(Recurrence {
        cron: "*/15 9-17 * * mon-fri".to_owned(),
        timezone: "America/Argentina/ComodRivadavia".to_owned(),
        until: Some(UnixMillis::NEVER),
        remaining: Some(u32::MAX),
    })
}

#[test]
fn everything_comes_back() {
    let wall = WallTime { year: 2026, month: 12, day: 31, hour: 23, minute: 59, second: 58 };
    let schedules = [Schedule::Now, Schedule::At(NOW.plus(9)), Schedule::AtLocal(wall), recurrence()];
    for schedule in schedules {
        for release_at in [None, Some(NOW.plus(9))] {
            let message = Message { schedule: schedule.clone(), release_at, holds: quarters(3), ..largest() };
            if message.schedule == Schedule::Now || release_at.is_some() {
                let (row, body) = row::write(&message, NOW);
                assert_eq!(row::read(row, body).unwrap(), message);
            }
        }
    }
    let id = AudienceId::from_bytes([6; 16]);
    for audience in [
        Audience::Expression("vip".parse().unwrap()),
        Audience::Uploaded(id),
        Audience::RecipientsOf(MessageId::from_bytes([1; 16])),
    ] {
        let message = Message { audience, ..largest() };
        let (row, body) = row::write(&message, NOW);
        assert_eq!(row::read(row, body).unwrap(), message);
    }
}

#[test]
fn a_row_of_the_first_releases_was_meant_for_its_release_time() {
    let message = message(Audience::All, 1);
    let (mut row, _) = row::write(&message, NOW);
    row.remove("sn");
    row.remove("v");
    let read = row::read(row.clone(), None).unwrap();
    assert_eq!(read, Message { schedule: Schedule::At(NOW.plus(5)), ..message });
    assert_eq!(row::Custody::of(&row).unwrap().version, None);
}

#[test]
fn every_delivery_policy_comes_back_and_the_default_needs_no_room() {
    let policies = [
        DeliveryPolicy::OnlineFirst { fallback_after: 0 },
        DeliveryPolicy::OwnOnly,
        DeliveryPolicy::VendorOnly,
        DeliveryPolicy::Fallback { fallback_after: FALLBACK_DEFAULT },
    ];
    let with = |delivery| {
        let message = message(Audience::All, 1);
        Message { options: Options { delivery, ..message.options.clone() }, ..message }
    };
    for policy in policies {
        let message = with(policy);
        assert_eq!(row::read(row::write(&message, NOW).0, None).unwrap(), message);
    }
    let (mut row, _) = row::write(&with(DeliveryPolicy::default()), NOW);
    assert!(!["po", "fb", "fa"].iter().any(|name| row.contains_key(*name)), "as in rows of the releases before");
    row.insert("po".to_owned(), 9_u8.into_value());
    assert_eq!(row::read(row, None).unwrap_err().attribute, "po");
}

/// So many moments, a quarter of an hour apart.
fn quarters(count: u64) -> Vec<UnixMillis> {
    (0..count).map(|n| NOW.plus(n * HOLD_GRANULARITY)).collect()
}

#[test]
fn a_row_is_one_write_unit_at_its_largest() {
    const WRITE_UNIT: usize = 1_024;
    let released = |message: &Message| {
        // As it is put, and what its release adds.
        let put = Message {
            stage: Stage::Accepted,
            releasing_at: None,
            released_at: None,
            segments_done: 0,
            feed_after: None,
            ..message.clone()
        };
        let (row, body) = row::write(&put, NOW);
        let names = ["fa", "ri", "re", "dn", "fl", "pa", "pf"];
        let later = row::write(&Message { payload: Bytes::new(), ..largest() }, NOW).0;
        let row: Item = later.into_iter().filter(|(name, _)| names.contains(&name.as_str())).chain(row).collect();
        (billed_bytes(&row), body)
    };
    for payload in (0..=INLINE_MAX_BYTES).step_by(16).chain([4_096]) {
        let nothing_else = Message { exclude: Exclusion::default(), localizations: Vec::new(), ..largest() };
        for message in [largest(), nothing_else, message(Audience::Devices(devices(9)), 1)] {
            for schedule in [Schedule::Now, recurrence()] {
                let payload = Bytes::from(vec![b'p'; payload]);
                let (billed, _) = released(&Message { payload, schedule, ..message.clone() });
                assert!(billed <= WRITE_UNIT, "{billed}");
            }
        }
    }
    let usual = message(Audience::Devices(devices(1)), INLINE_MAX_BYTES - 32);
    assert!(released(&usual).1.is_none(), "half a unit of payload stands in a usual row");
    let small = message(Audience::Devices(devices(1)), 200);
    assert!(released(&small).0 <= 620, "a usual one: {}", released(&small).0);

    let mut held = Message { holds: quarters(MESSAGE_MAX_HOLDS as u64), ..largest() };
    held.segments_done = u64::MAX;
    let (row, _) = row::write(&held, NOW);
    assert!(billed_bytes(&row) <= 2 * WRITE_UNIT, "while parts of it are held: {}", billed_bytes(&row));
}

#[test]
fn moments_come_back_however_far_they_are_apart() {
    let moments = |times: &[u64]| times.iter().copied().map(UnixMillis).collect::<Vec<_>>();
    for holds in [vec![0], vec![1, 128, 129, 16_384 + 129, u64::MAX], vec![u64::MAX]] {
        let message = Message { holds: moments(&holds), ..message(Audience::All, 1) };
        let (row, body) = row::write(&message, NOW);
        assert_eq!(row::read(row, body).unwrap().holds, message.holds);
    }
    let (mut row, _) = row::write(&Message { holds: moments(&[1, 2]), ..message(Audience::All, 1) }, NOW);
    for damaged in [&[1, 2, 3][..], &[0, 0, 0, 0, 0, 0, 0, 1, 0x80]] {
        row.insert("ho".to_owned(), Bytes::copy_from_slice(damaged).into_value());
        assert!(row::read(row.clone(), None).is_err());
    }
}

#[test]
fn a_row_outlives_its_history_and_its_close_and_its_body_outlives_the_row() {
    let (row, body) = row::write(&message(Audience::All, 4_096), NOW);
    let last_of_history = NOW.plus(HISTORY_KEPT_FOR);
    assert!(!is_expired(&row, last_of_history) && is_expired(&row, last_of_history.plus(10_000)));
    assert!(!is_expired(&body.unwrap(), last_of_history.plus(6 * 24 * 3_600_000)));
    let late = Message { expires_at: NOW.plus(2 * HISTORY_KEPT_FOR), ..message(Audience::All, 1) };
    let (row, _) = row::write(&late, NOW);
    assert!(!is_expired(&row, late.expires_at.plus(24 * 3_600_000)));
}

#[test]
fn segments_are_a_set_of_numbers() {
    for mask in [1, 1 << 63, u64::MAX, 0b1010] {
        assert_eq!(Segments::from_value(Segments(mask).into_value()), Some(Segments(mask)));
    }
    let beyond = aws_sdk_dynamodb::types::AttributeValue::Ns(vec![FANOUT_SEGMENTS.to_string()]);
    assert_eq!(Segments::from_value(beyond), None);
}

#[test]
fn pages_come_back_and_a_damaged_one_says_so() {
    let target = |user: Option<u64>| Target::plain(DeviceId::from_bytes([3; 16]), user.map(UserHash));
    let cursors = [
        Cursor::Start,
        Cursor::Index(7),
        Cursor::After(DeviceId::from_bytes([8; 16])),
        Cursor::AfterMember(MemberKey([9; 16])),
        Cursor::AfterShard(ShardId::from_bytes([10; 16])),
    ];
    for next in cursors.map(Some).into_iter().chain([None]) {
        let rendered = Target { variant: 3, ..target(None) };
        let held = Target { variant: u8::MAX, hold: Some(NOW), ..target(Some(5)) };
        let refused = Target { refusal: Some(Reason::OptedOut), hold: Some(UnixMillis(0)), ..target(None) };
        let targets = vec![target(None), target(Some(u64::MAX)), rendered, held, refused, target(Some(0))];
        let shard = Shard { id: ShardId::from_bytes([4; 16]), message: ID, targets, next };
        assert_eq!(shard_row::read(shard_row::write(&shard, NOW)).unwrap(), shard);
    }
    let full = |user| Shard {
        id: ShardId::from_bytes([4; 16]),
        message: ID,
        targets: vec![target(user); SHARD_MAX_DEVICES],
        next: Some(Cursor::After(DeviceId::from_bytes([8; 16]))),
    };
    let units = |shard| billed_bytes(&shard_row::write(&shard, NOW)).div_ceil(1_024);
    assert_eq!((units(full(None)), units(full(Some(1)))), (5, 7), "as the costs say");
    let mut damaged = shard_row::write(&full(None), NOW);
    damaged.insert("t".to_owned(), Bytes::from_static(&[1, 2, 3]).into_value());
    let error = shard_row::read(damaged).unwrap_err();
    assert_eq!(error.to_string(), "the attribute t of an item of the table messages is missing or damaged");
}

#[tokio::test]
async fn a_large_body_is_written_before_the_row_that_names_it() {
    let done = || Reply::Done(json!({}));
    let (store, script) = Script::store([done(), done()]);
    assert_eq!(store.accept(message(Audience::All, 4_096)).await.unwrap(), Accepted::New);
    let sent = script.sent();
    assert_eq!(script.operations(), ["PutItem", "PutItem"]);
    assert!(sent[0].body["Item"]["y"].is_object() && sent[0].body["ConditionExpression"].is_null());
    assert!(sent[1].body["Item"]["y"].is_null());
    assert_eq!(sent[1].body["ConditionExpression"], "attribute_not_exists(#pk)");
}

#[tokio::test]
async fn a_replay_is_answered_what_is_stored_after_throttling() {
    let stored = message(Audience::All, 4_096);
    let (row, body) = row::write(&stored, NOW);
    let (store, script) = Script::store([
        Reply::error("ThrottlingException"),
        Reply::Done(json!({})),
        Reply::ServerError,
        Reply::Refused("ConditionalCheckFailedException", json!({ "Item": json_of(&row) })),
        Reply::Done(json!({ "Item": json_of(&body.unwrap()) })),
    ]);
    let accepted = store.accept(Message { segments_done: 0, ..stored.clone() }).await.unwrap();
    assert_eq!(accepted, Accepted::Existing(Box::new(stored)));
    assert_eq!(script.operations(), ["PutItem", "PutItem", "PutItem", "PutItem", "GetItem"]);
}

#[tokio::test]
async fn the_last_segment_is_released_once() {
    let before = Message { segments_done: u64::MAX >> 1, released_at: None, ..message(Audience::All, 1) };
    let after = Message { stage: Stage::Released, segments_done: u64::MAX, released_at: Some(NOW), ..before.clone() };
    let attributes = |message: &Message| json!({ "Attributes": json_of(&row::write(message, NOW).0) });
    let refused = |message: &Message| {
        let item = json!({ "Item": json_of(&row::write(message, NOW).0) });
        Reply::Refused("ConditionalCheckFailedException", item)
    };
    let enumerated = Message { segments_done: u64::MAX, ..before.clone() };
    let (store, script) = Script::store([Reply::Done(attributes(&before)), Reply::Done(attributes(&enumerated))]);
    assert_eq!(store.finish_segment(ID, 63, NOW).await.unwrap(), Some(after.clone()));
    assert_eq!(script.sent()[0].body["UpdateExpression"], "ADD #dn :segment, #v :one");

    let (store, script) = Script::store([Reply::Done(attributes(&before)), refused(&after)]);
    let late = store.finish_segment(ID, 63, NOW.plus(9)).await.unwrap();
    assert_eq!(late, Some(after), "somebody else released it, at their time");
    assert_eq!(script.operations(), ["UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn rows_that_were_left_unprocessed_are_asked_for_again() {
    let first = message(Audience::All, 1);
    let mut second = message(Audience::All, 600);
    second.id = MessageId::from_bytes([8; 16]);
    let (row, body) = row::write(&second, NOW);
    let index = |message: &Message| {
        let sort = index::app_sort(message.accepted_at, &message.id).into_value();
        json_of(&[("as".to_owned(), sort)].into())
    };
    let table = "homing_table_messages";
    let found =
        |items: Vec<Json>, left: Json| Reply::Done(json!({ "Responses": { table: items }, "UnprocessedKeys": left }));
    let left = json!({ table: { "Keys": [json_of(&row::key(&second.id))] } });
    let mut replies = vec![Reply::Done(json!({ "Items": [index(&first), index(&second)] }))];
    replies.extend((1..16).map(|_| Reply::Done(json!({ "Items": [] }))));
    replies.push(found(vec![json_of(&row::write(&first, NOW).0)], left.clone()));
    replies.push(Reply::error("ProvisionedThroughputExceededException"));
    replies.push(found(vec![json_of(&row)], json!({})));
    replies.push(found(vec![json_of(&body.unwrap())], json!({})));
    let (store, script) = Script::store(replies);
    let listed = store.messages_of_app(&first.app, None, 9).await.unwrap();
    assert_eq!(listed, [second.clone(), first.clone()]);
    let again = &script.sent()[18].body["RequestItems"][table]["Keys"];
    assert_eq!(again.as_array().map(Vec::len), Some(1), "only what was left");

    let (store, script) = Script::store((0..99).map(|_| found(Vec::new(), left.clone())));
    let error = store.rows(call("list"), vec![row::key(&second.id)], Freshness::Stale).await.unwrap_err();
    assert_eq!((error.fault, script.sent().len()), (Fault::Retry, 8), "a bounded number of times");
}

#[test]
fn what_is_sent_has_no_mistakes() {
    // Debug builds lint what becomes a request.
    for expression in [
        release::begin_release(NOW),
        release::finish_only_segment(NOW),
        release::finish_one_segment(3),
        release::end_release(NOW),
        release::complete(),
        super::change::is_unchanged(Some(7)),
        super::change::is_unchanged(None),
    ] {
        expression.into_parts();
    }
}
