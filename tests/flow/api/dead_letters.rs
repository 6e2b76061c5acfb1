//! Dead letters as operators see them.

use bytes::Bytes;
use homing_ports::{Outgoing, QueueName, Queues as _};
use serde_json::json;

use super::world::World;

/// Makes an item of this body a dead letter.
async fn give_up(world: &World, queue: QueueName, body: &[u8], reason: &str) {
    world.store.send(queue, vec![Outgoing::now(Bytes::copy_from_slice(body))]).await.unwrap();
    let mut received = world.store.receive(queue, 1, 0).await.unwrap();
    world.store.give_up(queue, received.remove(0), reason).await.unwrap();
}

#[tokio::test]
async fn dead_letters_are_listed_by_queue_with_their_reason() {
    let world = World::new().await;
    let list = async |query: &str| world.get(&format!("/v1/dead-letters{query}"), &world.admin).await;
    assert_eq!(list("").await.expect(200), json!({"dead_letters": []}));
    give_up(&world, QueueName::Receipts, b"not JSON", "cannot be read").await;
    give_up(&world, QueueName::Intake, br#"{"audience": {"all": true}}"#, "the key is wrong").await;
    give_up(&world, QueueName::Intake, "\u{fc}".repeat(2_000).as_bytes(), "").await;

    let all = list("").await.expect(200);
    let all = all["dead_letters"].as_array().unwrap();
    let in_short = |n: usize| (&all[n]["queue"], &all[n]["reason"], &all[n]["body"], &all[n]["truncated"]);
    let (intake, receipts) = (json!("intake"), json!("receipts"));
    assert_eq!(in_short(0), (&intake, &json!("the key is wrong"), &json!({"audience": {"all": true}}), &json!(false)));
    assert_eq!(all[1]["truncated"], true);
    assert_eq!(in_short(2), (&receipts, &json!("cannot be read"), &json!("not JSON"), &json!(false)));
    assert_eq!((&all[2]["receives"], &all[2]["sent_at"]), (&json!(1), &json!("2027-01-15T08:00:00Z")));

    let intake = list("?queue=intake&limit=1").await.expect(200);
    assert_eq!(intake["dead_letters"].as_array().unwrap().len(), 1);
    for wrong in ["?queue=nowhere", "?limit=0", "?limit=101"] {
        assert_eq!(list(wrong).await.problem().1, "invalid_query", "{wrong}");
    }
}

#[tokio::test]
async fn they_are_redriven_by_id_or_all() {
    let world = World::new().await;
    for n in 0..3 {
        give_up(&world, QueueName::Close, format!("{{\"n\": {n}}}").as_bytes(), "no").await;
    }
    let redrive = async |body| world.post("/v1/dead-letters/redrive", &world.admin, body).await;
    let left = async || {
        let list = world.get("/v1/dead-letters?queue=close", &world.admin).await.expect(200);
        list["dead_letters"].as_array().unwrap().iter().map(|letter| letter["body"]["n"].clone()).collect::<Vec<_>>()
    };
    let list = world.get("/v1/dead-letters", &world.admin).await.expect(200);
    let id = list["dead_letters"][1]["id"].clone();
    let one = json!({"queue": "close", "ids": [id]});
    assert_eq!(redrive(one.clone()).await.expect(200), json!({"redriven": 1, "more": false}));
    assert_eq!(left().await, [json!(0), json!(2)]);
    let received = world.store.receive(QueueName::Close, 9, 0).await.unwrap();
    assert_eq!(received.iter().map(|item| &item.body[..]).collect::<Vec<_>>(), [br#"{"n": 1}"#]);
    // A repeat, as after a lost answer, sends nothing twice.
    redrive(one).await.expect(200);
    assert_eq!(world.store.depth(QueueName::Close).await.unwrap(), 1);

    assert_eq!(redrive(json!({"queue": "close", "all": true})).await.expect(200)["redriven"], 2);
    assert!(left().await.is_empty());
    assert_eq!(world.store.depth(QueueName::Close).await.unwrap(), 3);
}

#[tokio::test]
async fn only_operators_see_them_and_mistakes_are_named() {
    let world = World::new().await;
    assert_eq!(world.get("/v1/dead-letters", &world.server_key).await.problem().0, 403);
    let all = json!({"queue": "close", "all": true});
    assert_eq!(world.post("/v1/dead-letters/redrive", &world.server_key, all).await.problem().0, 403);
    let wrong = json!({"queue": "nowhere", "ids": ["!"]});
    let answer = world.post("/v1/dead-letters/redrive", &world.admin, wrong).await;
    let pointers: Vec<_> =
        answer.json()["violations"].as_array().unwrap().iter().map(|v| v["pointer"].clone()).collect();
    assert_eq!(pointers, [json!("/queue"), json!("/ids/0")]);
    let neither = world.post("/v1/dead-letters/redrive", &world.admin, json!({"queue": "close"})).await;
    assert_eq!(neither.problem().0, 422);
}
