//! Changes: what is written, in which order, and what is done when somebody was faster.

use homing_domain::{AmendedContent, Amendment};

use super::*;
use crate::item::Code as _;

/// A message that waits for its time.
fn scheduled(payload: usize) -> Message {
    let at = NOW.plus(60_000);
    Message {
        stage: Stage::Scheduled,
        schedule: Schedule::At(at),
        release_at: Some(at),
        expires_at: at.plus(60_000),
        releasing_at: None,
        released_at: None,
        segments_done: 0,
        ..message(Audience::All, payload)
    }
}

/// Another payload of so many bytes.
fn amendment(payload: usize) -> MessageChange {
    let content = AmendedContent { payload: Bytes::from(vec![b'n'; payload]), ..AmendedContent::default() };
    MessageChange::Amend(Box::new(Amendment { content: Some(content), ..Amendment::default() }))
}

fn item(item: &Item) -> Reply {
    Reply::Done(json!({ "Item": json_of(item) }))
}

fn refused(item: &Item) -> Reply {
    Reply::Refused("ConditionalCheckFailedException", json!({ "Item": json_of(item) }))
}

fn done() -> Reply {
    Reply::Done(json!({}))
}

#[tokio::test]
async fn a_change_is_put_on_the_version_that_was_read() {
    let before = scheduled(9);
    let (row, _) = row::write(&before, NOW);
    let (store, script) = Script::store([item(&row), done()]);
    let after = store.change(ID, MessageChange::Cancel).await.unwrap().unwrap().unwrap();
    assert_eq!(after, Message { stage: Stage::Cancelled, ..before });
    let sent = script.sent();
    assert_eq!(script.operations(), ["GetItem", "PutItem"]);
    assert_eq!(sent[1].body["ConditionExpression"], "#v = :v");
    assert_eq!(sent[1].body["ExpressionAttributeValues"][":v"], json!({ "N": "1" }));
    let put = &sent[1].body["Item"];
    assert_eq!(put["v"], json!({ "N": "2" }));
    assert_eq!(put["st"], json!({ "N": Stage::Cancelled.code().to_string() }));
    assert!(put["dp"].is_null() && put["ds"].is_null(), "nobody need look at it again");
    assert_eq!(put["ttl"], json_of(&row)["ttl"]);
}

#[tokio::test]
async fn what_changes_nothing_and_what_is_refused_is_not_written() {
    let (row, _) = row::write(&Message { stage: Stage::Cancelled, ..scheduled(9) }, NOW);
    let (store, script) = Script::store([item(&row), item(&row), Reply::Done(json!({}))]);
    assert!(store.change(ID, MessageChange::Cancel).await.unwrap().unwrap().is_ok());
    let refused = store.change(ID, MessageChange::Abort).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused, ChangeRefused::NotRunning(Stage::Cancelled));
    assert_eq!(store.change(ID, MessageChange::Abort).await.unwrap(), None, "no such message");
    assert_eq!(script.operations(), ["GetItem"; 3]);
}

#[tokio::test]
async fn who_lost_to_a_release_decides_anew_on_what_stands_there() {
    let before = scheduled(9);
    let (row, _) = row::write(&before, NOW);
    let begun = Message { stage: Stage::Releasing, releasing_at: Some(NOW), ..before };
    let (store, script) = Script::store([item(&row), refused(&row::write(&begun, NOW).0)]);
    let answer = store.change(ID, MessageChange::Cancel).await.unwrap().unwrap();
    assert_eq!(answer, Err(ChangeRefused::TooLate(Stage::Releasing)));
    assert_eq!(script.operations(), ["GetItem", "PutItem"], "the refusal answered the winner's row");
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found() {
    let before = scheduled(9);
    let (row, _) = row::write(&before, NOW);
    let cancelled = Message { stage: Stage::Cancelled, ..before };
    let written = row::write(&cancelled, NOW).0;
    let (store, script) = Script::store([item(&row), Reply::ServerError, refused(&written)]);
    assert_eq!(store.change(ID, MessageChange::Cancel).await.unwrap(), Some(Ok(cancelled)));
    assert_eq!(script.operations(), ["GetItem", "PutItem", "PutItem"]);
}

/// A broadcast that may go into the feed.
fn broadcast() -> Message {
    let options = Options { ttl_seconds: 60, delivery: DeliveryPolicy::OwnOnly, silent: true, ..Options::default() };
    Message { stage: Stage::Accepted, schedule: Schedule::Now, release_at: None, options, ..scheduled(9) }
}

#[tokio::test]
async fn a_release_into_the_feed_is_decided_on_what_is_stored() {
    let (row, _) = row::write(&broadcast(), NOW);
    let (store, script) = Script::store([item(&row), done()]);
    let begun = store.begin_release(ID, NOW, Some(7)).await.unwrap().unwrap();
    assert_eq!((begun.stage, begun.releasing_at, begun.feed_after), (Stage::Releasing, Some(NOW), Some(7)));
    assert_eq!(script.operations(), ["GetItem", "PutItem"]);
    let put = &script.sent()[1].body;
    assert_eq!((&put["ConditionExpression"], &put["Item"]["fa"]), (&json!("#v = :v"), &json!({ "N": "7" })));
    assert!(put["Item"]["ev"].is_null(), "nobody is enumerated: one segment ends it");
    assert_eq!(put["Item"]["ds"], json_of(&row)["cl"], "and it is due at its end");

    // Amended meanwhile, so that it may not enter: it is released all the same.
    let slow = Message { options: Options { rate_per_second: Some(1), ..broadcast().options }, ..broadcast() };
    let (store, script) = Script::store([item(&row), refused(&row::write(&slow, NOW).0), done()]);
    let begun = store.begin_release(ID, NOW, Some(7)).await.unwrap().unwrap();
    assert_eq!((begun.stage, begun.feed_after), (Stage::Releasing, None));
    assert!(script.sent()[2].body["Item"]["ev"].is_object(), "in its 64 segments");

    // Somebody else began, at their time and behind another entry.
    let theirs = Message { stage: Stage::Releasing, releasing_at: Some(NOW), feed_after: Some(3), ..broadcast() };
    let (store, script) = Script::store([item(&row), refused(&row::write(&theirs, NOW).0)]);
    assert_eq!(store.begin_release(ID, NOW.plus(1), Some(7)).await.unwrap(), Some(theirs));
    assert_eq!(script.operations(), ["GetItem", "PutItem"]);
}

#[tokio::test]
async fn a_row_without_a_version_gets_one() {
    let (mut row, _) = row::write(&scheduled(9), NOW);
    row.remove("v");
    let (store, script) = Script::store([item(&row), done()]);
    store.change(ID, MessageChange::Cancel).await.unwrap().unwrap().unwrap();
    let put = &script.sent()[1].body;
    assert_eq!(put["ConditionExpression"], "attribute_exists(#pk) AND attribute_not_exists(#v)");
    assert_eq!(put["Item"]["v"], json!({ "N": "1" }));
}

#[tokio::test]
async fn a_new_body_has_a_name_of_its_own_and_goes_first() {
    let before = scheduled(4_096);
    let (row, body) = row::write(&before, NOW);
    let (store, script) = Script::store([item(&row), item(&body.clone().unwrap()), done(), done()]);
    let after = store.change(ID, amendment(4_000)).await.unwrap().unwrap().unwrap();
    assert_eq!(after.payload.len(), 4_000);
    assert_eq!(script.operations(), ["GetItem", "GetItem", "PutItem", "PutItem"]);
    let sent = script.sent();
    let (new_body, new_row) = (&sent[2].body["Item"], &sent[3].body["Item"]);
    assert!(new_body["y"].is_object() && sent[2].body["ConditionExpression"].is_null());
    assert_ne!(new_body["sk"], json_of(&body.unwrap())["sk"], "whoever holds the old row reads the old body");
    assert!(new_row["y"].is_null() && new_row["bk"].is_object());

    // The second one goes by that name, and a change of something else leaves the body alone.
    let (stored, stored_body) = row::rewrite(&before, &row::Custody::of(&row).unwrap(), &after, [3; 16]);
    assert_eq!(
        row::body_key_in(&stored).unwrap().map(|key| key["sk"].clone()),
        stored_body.as_ref().map(|b| b["sk"].clone())
    );
    let (store, script) = Script::store([item(&stored), item(&stored_body.unwrap()), done()]);
    store.change(ID, MessageChange::SetRate(Some(5))).await.unwrap().unwrap().unwrap();
    assert_eq!(script.operations(), ["GetItem", "GetItem", "PutItem"]);
    assert_eq!(script.sent()[2].body["Item"]["bk"], json_of(&stored)["bk"]);
}

#[test]
fn a_body_moves_out_of_the_row_and_back() {
    let small = scheduled(9);
    let large = Message { payload: Bytes::from(vec![b'n'; 2_000]), ..small.clone() };
    let (row, _) = row::write(&small, NOW);
    let (grown, outside) = row::rewrite(&small, &row::Custody::of(&row).unwrap(), &large, [3; 16]);
    assert_eq!(row::read(grown.clone(), outside).unwrap(), large);
    let (shrunk, outside) = row::rewrite(&large, &row::Custody::of(&grown).unwrap(), &small, [4; 16]);
    assert!(outside.is_none() && !shrunk.contains_key("bo") && !shrunk.contains_key("bk"));
    assert_eq!(row::read(shrunk, None).unwrap(), small);
}

#[test]
fn a_message_that_recurs_for_a_year_keeps_its_body() {
    const HOUR: u64 = 3_600_000;
    let mut message = Message { schedule: recurrence(), ..scheduled(2_000) };
    let (mut row, body) = row::write(&message, NOW);
    let mut body = body.unwrap();
    let mut bodies = 0;
    for _ in 0..365 * 24 {
        let (before, occurrence) = (message.clone(), message.release_at.unwrap());
        message.apply(MessageChange::Advance { occurrence, next: Some(occurrence.plus(HOUR)) }).unwrap();
        let (new_row, new_body) = row::rewrite(&before, &row::Custody::of(&row).unwrap(), &message, [3; 16]);
        assert_eq!(row::body_key_in(&new_row).unwrap(), row::body_key_in(&row).unwrap(), "it is the same body");
        row = new_row;
        if let Some(new_body) = new_body {
            body = new_body;
            bodies += 1;
        }
        let history = occurrence.plus(HISTORY_KEPT_FOR);
        assert!(!is_expired(&row, history) && !is_expired(&body, history));
    }
    assert_eq!(row::read(row, Some(body)).unwrap(), message);
    assert!((50..=60).contains(&bodies), "about once a week: {bodies}");
}

#[test]
fn parts_that_are_held_are_due_before_the_close() {
    let releasing = Message { stage: Stage::Releasing, releasing_at: Some(NOW), ..scheduled(9) };
    let (row, _) = row::write(&releasing, NOW);
    let mut held = releasing.clone();
    held.apply(MessageChange::Hold(vec![NOW.plus(9)])).unwrap();
    let (row, _) = row::rewrite(&releasing, &row::Custody::of(&row).unwrap(), &held, [3; 16]);
    let due = index::due_sort(held.due_at().unwrap(), &ID).into_value();
    assert_eq!(row["ds"], due);
    assert_eq!(row["cl"], due, "and would be from the release on");
}
