//! Sending: what is durable before 202, and what a repeat does.

use homing_contract::http::v1::to_timestamp;
use homing_contract::queue::decode;
use homing_credentials::message_id;
use homing_domain::{AudienceJob, Cursor, DueTick, MessageId};
use homing_endpoint::EdgeLimits;
use homing_ports::{Messages, QueueName};
use homing_schedule::Swept;
use http::Request;
use serde_json::{Value, json};

use super::world::{APP, Answer, World};

fn body() -> Value {
    json!({
        "audience": {"users": ["用户-7"]},
        "notification": {"title": "到账 💰", "body": "¥5.00"},
        "options": {"ttl_seconds": 60, "priority": "high", "collapse_key": "balance"}
    })
}

async fn push(world: &World, key: &str, body: &Value) -> Answer {
    let request = Request::post("/v1/messages")
        .header("authorization", format!("Bearer {}", world.server_key))
        .header("content-type", "application/json; charset=utf-8")
        .header("idempotency-key", key)
        .body(body.to_string().into())
        .unwrap();
    world.send(request).await
}

#[tokio::test]
async fn an_accepted_message_is_a_row_and_a_job() {
    let world = World::new().await;
    let accepted = world.post("/v1/messages", &world.server_key, body()).await.expect(202);
    assert_eq!(accepted["stage"], "accepted");
    let id: MessageId = accepted["message_id"].as_str().unwrap().parse().unwrap();
    let message = world.store.message(id).await.unwrap().unwrap();
    assert_eq!(message.expires_at.since(message.accepted_at), 60_000);
    let payload: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(payload, json!({"notification": {"title": "到账 💰", "body": "¥5.00"}}));
    let jobs = world.drain(QueueName::Audience).await;
    let job = AudienceJob { message: id, segment: None, cursor: Cursor::Start };
    assert_eq!(jobs.iter().map(|job| decode(job).unwrap()).collect::<Vec<AudienceJob>>(), [job]);
}

#[tokio::test]
async fn one_key_is_one_message() {
    let world = World::new().await;
    let first = push(&world, "order-7", &body()).await.expect(202);
    let expected = message_id(&APP.parse().unwrap(), "order-7");
    assert_eq!(first["message_id"], expected.to_string());
    assert_eq!(world.drain(QueueName::Audience).await.len(), 1);

    // The job of the first run may be lost, so a repeat sends it again while nobody has begun it.
    assert_eq!(push(&world, "order-7", &body()).await.expect(202), first);
    assert_eq!(world.drain(QueueName::Audience).await.len(), 1);

    let now = world.edge.now();
    world.store.begin_release(expected, now, None).await.unwrap();
    assert_eq!(push(&world, "order-7", &body()).await.expect(202), first);
    assert_eq!(world.depth(QueueName::Audience).await, 0);

    let other = json!({"audience": {"all": true}, "data": {}});
    assert_eq!(push(&world, "order-7", &other).await.problem(), (409, "idempotency_key_reused".to_owned(), None));
    assert_ne!(push(&world, "order-8", &other).await.expect(202), first);
}

#[tokio::test]
async fn validate_only_leaves_nothing() {
    let world = World::new().await;
    let before = world.stored().await;
    let mut body = body();
    body["validate_only"] = json!(true);
    assert_eq!(push(&world, "order-7", &body).await.expect(200)["valid"], json!(true));
    assert_eq!(world.stored().await, before);
}

#[tokio::test]
async fn a_lost_job_is_sent_again_by_the_sweep() {
    let world = World::new().await;
    world.post("/v1/messages", &world.server_key, body()).await.expect(202);
    world.drain(QueueName::Audience).await;
    world.clock.advance(59_000);
    let sweep = async || homing_schedule::sweep(&world.store, world.edge.now()).await.unwrap();
    assert_eq!(sweep().await, Swept::default());
    world.clock.advance(2_000);
    assert_eq!(sweep().await, Swept { released: 1, ..Swept::default() });
    assert_eq!(world.depth(QueueName::Audience).await, 1);
}

#[tokio::test]
async fn a_message_with_a_time_waits_for_its_ticks_or_for_the_sweep() {
    let world = World::new().await;
    let at = world.edge.now().plus(90_000);
    let mut body = body();
    body["schedule"] = json!({"at": to_timestamp(at)});
    let accepted = push(&world, "order-7", &body).await.expect(202);
    assert_eq!(accepted["stage"], "scheduled");
    // The timer of the first run may be lost, so a repeat sets it again.
    assert_eq!(push(&world, "order-7", &body).await.expect(202), accepted);
    let path = format!("/v1/messages/{}", accepted["message_id"].as_str().unwrap());
    let shown = world.get(&path, &world.server_key).await.expect(200);
    assert_eq!((&shown["stage"], &shown["release_at"]), (&json!("scheduled"), &json!(to_timestamp(at))));
    assert_eq!(shown["expires_at"], json!(to_timestamp(at.plus(60_000))));
    assert_eq!((world.depth(QueueName::Due).await, world.depth(QueueName::Audience).await), (2, 0));

    let id: MessageId = accepted["message_id"].as_str().unwrap().parse().unwrap();
    world.clock.advance(90_000);
    let ticks = world.drain(QueueName::Due).await;
    assert_eq!(
        ticks.iter().map(|tick| decode(tick).unwrap()).collect::<Vec<DueTick>>(),
        [DueTick { message: id, at }; 2]
    );

    // Lost ticks are made up for.
    world.clock.advance(60_001);
    let swept = homing_schedule::sweep(&world.store, world.edge.now()).await.unwrap();
    assert_eq!((swept.released, world.drain(QueueName::Audience).await.len()), (1, 1));
    world.store.begin_release(id, world.edge.now(), None).await.unwrap();
    assert_eq!(push(&world, "order-7", &body).await.expect(202), accepted, "a repeat is answered as before");
    assert_eq!((world.depth(QueueName::Due).await, world.depth(QueueName::Audience).await), (0, 0));
}

#[tokio::test]
async fn an_app_over_its_quota_is_told_when_to_come_back() {
    let world = World::with_limits(EdgeLimits { business_per_second: 3, ..EdgeLimits::default() }).await;
    for _ in 0..3 {
        world.get("/v1/messages", &world.server_key).await.expect(200);
    }
    let answer = world.post("/v1/messages", &world.server_key, body()).await;
    assert_eq!(answer.problem(), (429, "quota_exceeded".to_owned(), None));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(world.depth(QueueName::Audience).await, 0);
    // The operator's limit for this app counts from the moment it is set.
    let raised = json!({"quota_per_second": 100});
    world.call("PATCH", "/v1/apps/demo", &world.admin, Some(raised)).await.expect(200);
    world.clock.advance(1_000);
    for _ in 0..50 {
        world.post("/v1/messages", &world.server_key, body()).await.expect(202);
    }
}
