//! Pushes from the queue: accepted once, or given up with a reason.

use homing_credentials::{ApiKey, message_id};
use homing_domain::{DueTick, Millis, Stage};
use homing_endpoint::Edge;
use homing_ports::{QueueName, Received, StageError};

use super::world::{NOW, When, World, app, consume, item, key, with};
use crate::queue::attribute;

const GOOD: &str = r#"{"audience": {"users": ["alice"]}, "data": {"order": 7}, "options": {"ttl_seconds": 60}}"#;

fn reason(edge: &Edge<World>, item: &Received) -> String {
    match consume(edge, item) {
        Err(StageError::Poison { reason }) => reason,
        other => panic!("not poison: {other:?}"),
    }
}

fn later(edge: &Edge<World>, item: &Received) -> Millis {
    match consume(edge, item) {
        Err(StageError::Later { delay }) => delay,
        other => panic!("not later: {other:?}"),
    }
}

#[test]
fn an_item_becomes_one_message_however_often_it_is_received() {
    let world = World::new();
    let edge = world.edge();
    let first = item(GOOD);
    consume(&edge, &first).unwrap();
    world.with(|state| state.now = NOW.plus(30_000));
    consume(&edge, &Received { receives: 2, ..first.clone() }).unwrap();
    consume(&edge, &with(&first, attribute::MESSAGE_ID, Some("item-2"))).unwrap();
    world.with(|state| {
        assert_eq!((state.messages.len(), state.jobs.len()), (2, 3));
        for message in state.messages.values() {
            assert_eq!((message.stage, message.app.as_str()), (Stage::Accepted, "demo"));
            assert_eq!(message.expires_at, NOW.plus(60_000), "what waits in a queue grows old");
        }
    });
}

#[test]
fn a_senders_own_key_is_the_one_of_http_and_no_item_can_take_it() {
    let world = World::new();
    let edge = world.edge();
    consume(&edge, &with(&item(GOOD), attribute::IDEMPOTENCY_KEY, Some("item-1"))).unwrap();
    consume(&edge, &item(GOOD)).unwrap();
    world.with(|state| {
        assert_eq!(state.messages.len(), 2);
        assert!(state.messages.contains_key(&message_id(&app(), "item-1")));
    });
    let other = with(&item(r#"{"audience":{"all":true},"data":{}}"#), attribute::IDEMPOTENCY_KEY, Some("item-1"));
    assert!(reason(&edge, &other).starts_with("idempotency_key_reused: "));
}

#[test]
fn a_time_is_judged_as_of_when_the_item_was_sent() {
    let world = World::new();
    let edge = world.edge();
    let scheduled = item(r#"{"audience":{"all":true},"data":{},"schedule":{"at":"2023-11-14T22:14:20Z"}}"#);
    // An hour behind, it is released at once, and not refused.
    world.with(|state| state.now = NOW.plus(3_600_000));
    consume(&edge, &scheduled).unwrap();
    world.with(|state| {
        let (id, message) = state.messages.first_key_value().unwrap();
        let at = NOW.plus(60_000);
        assert_eq!((message.stage, message.release_at), (Stage::Scheduled, Some(at)));
        assert_eq!(state.timers, [DueTick { message: *id, at }]);
    });
    let past = Received { sent_at: NOW.plus(7_200_000), ..with(&scheduled, attribute::MESSAGE_ID, Some("item-2")) };
    assert_eq!(reason(&edge, &past), "in_the_past at /schedule/at: must not lie in the past");
    // But not what was accepted once.
    consume(&edge, &Received { sent_at: NOW.plus(7_200_000), ..scheduled }).unwrap();
    world.with(|state| assert_eq!((state.messages.len(), state.timers.len()), (1, 1)));
}

#[test]
fn whoever_may_not_send_is_given_up_without_a_word_of_the_key() {
    let world = World::new();
    let edge = world.edge();
    let good = item(GOOD);
    let another = ApiKey::server(&app(), [8; 32]);
    let of_another_app = ApiKey::server(&"other".parse().unwrap(), [7; 32]);
    let client = ApiKey::client(&app(), [7; 32]);
    for (name, value, code) in [
        (attribute::APP, None, "attribute_missing"),
        (attribute::KEY, None, "attribute_missing"),
        (attribute::APP, Some("other"), "credentials_insufficient"),
        (attribute::KEY, Some(another.expose()), "credentials_invalid"),
        (attribute::KEY, Some(of_another_app.expose()), "credentials_invalid"),
        (attribute::KEY, Some(client.expose()), "credentials_insufficient"),
        (attribute::KEY, Some("nonsense"), "credentials_invalid"),
        (attribute::IDEMPOTENCY_KEY, Some("用户"), "invalid_idempotency_key"),
        (attribute::MESSAGE_ID, None, "attribute_missing"),
    ] {
        // Within its quota.
        world.with(|state| state.now = state.now.plus(1_000));
        let reason = reason(&edge, &with(&good, name, value));
        assert!(reason.starts_with(&format!("{code}: ")), "{name}: {reason}");
        let presented = value.filter(|_| name == attribute::KEY);
        assert!(!reason.contains(key().expose()) && presented.is_none_or(|key| !reason.contains(key)), "{reason}");
    }
    world.with(|state| assert!(state.messages.is_empty()));
}

#[test]
fn every_broken_rule_is_named_with_its_place() {
    let world = World::new();
    let edge = world.edge();
    let broken = item(r#"{"audience":{"users":["ok",""]},"options":{"ttl_seconds":-1}}"#);
    let reason_of_broken = reason(&edge, &broken);
    for expected in
        ["invalid_user at /audience/users/1: ", "; content_required: ", "; out_of_range at /options/ttl_seconds: "]
    {
        assert!(reason_of_broken.contains(expected), "{reason_of_broken}");
    }
    assert!(reason(&edge, &item("{")).starts_with("malformed_json: "));
    assert!(reason(&edge, &item(r#"{"audiense":{}}"#)).starts_with("unknown_field at /audiense: "));
    world.with(|state| state.now = state.now.plus(1_000));
    let large = format!("{GOOD}{}", " ".repeat(64 * 1_024));
    assert!(reason(&edge, &item(&large)).starts_with("body_too_large: "));
    let only_checked = GOOD.replacen('{', r#"{"validate_only": true, "#, 1);
    consume(&edge, &item(&only_checked)).unwrap();
    world.with(|state| assert!(state.messages.is_empty()));
}

#[test]
fn an_app_over_its_quota_comes_later_and_not_all_at_once() {
    let world = World::new();
    let edge = world.edge();
    for n in 0..3 {
        consume(&edge, &with(&item(GOOD), attribute::MESSAGE_ID, Some(&n.to_string()))).unwrap();
    }
    let over = |receives| later(&edge, &Received { receives, ..item(GOOD) });
    assert!((1_000..3_000).contains(&over(1)));
    let farthest = QueueName::Intake.max_receives() - 1;
    assert!((1..=farthest).all(|receives| over(receives) <= 15 * 60_000));
    assert!((1..=farthest).any(|receives| over(receives) > 60_000));
    let last = Received { receives: QueueName::Intake.max_receives(), ..item(GOOD) };
    assert!(reason(&edge, &last).starts_with("quota_exceeded: "));
    world.with(|state| state.now = NOW.plus(1_000));
    consume(&edge, &item(GOOD)).unwrap();
}

#[test]
fn a_store_that_fails_is_tried_again_and_the_message_is_one() {
    for call in 1..=3 {
        for when in [When::Before, When::After] {
            let world = World::new();
            let edge = world.edge();
            world.with(|state| state.fail_at = Some((call, when)));
            assert!(matches!(consume(&edge, &item(GOOD)), Err(StageError::Port(_))), "call {call}");
            consume(&edge, &item(GOOD)).unwrap();
            world.with(|state| assert_eq!((state.messages.len(), state.jobs.is_empty()), (1, false)));
        }
    }
}
