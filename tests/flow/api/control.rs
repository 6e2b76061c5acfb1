//! Control over a message: what is refused, and that a repeat after a lost answer does no harm.

use homing_domain::{Flow, MessageId};
use homing_ports::{Messages, QueueName};
use serde_json::json;

use super::world::World;

async fn push(world: &World) -> MessageId {
    let body = json!({"audience": {"all": true}, "data": {}});
    let accepted = world.post("/v1/messages", &world.server_key, body).await.expect(202);
    accepted["message_id"].as_str().unwrap().parse().unwrap()
}

/// A message whose devices are being enumerated.
async fn running(world: &World) -> MessageId {
    let id = push(world).await;
    world.store.begin_release(id, world.edge.now(), None).await.unwrap();
    world.drain(QueueName::Audience).await;
    id
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_its_code() {
    let world = World::new().await;
    let waiting = push(&world).await;
    let problem = async |path: String| {
        let (status, code, _) = world.post(&path, &world.server_key, json!({})).await.problem();
        (status, code)
    };
    for verb in ["pause", "resume", "abort", "recall"] {
        assert_eq!(problem(format!("/v1/messages/{waiting}/{verb}")).await, (409, "not_running".to_owned()));
        let unknown = "00000000-0000-0000-0000-000000000000";
        assert_eq!(problem(format!("/v1/messages/{unknown}/{verb}")).await, (404, "not_found".to_owned()));
        assert_eq!(problem(format!("/v1/messages/x/{verb}")).await, (400, "invalid_path".to_owned()));
    }
    let rate = format!("/v1/messages/{waiting}/rate");
    for (body, code, pointer) in [
        (json!({}), "missing_field", "/rate_per_second"),
        (json!({"rate_per_second": 0}), "out_of_range", "/rate_per_second"),
        (json!({"rate_per_second": "5"}), "invalid_type", "/rate_per_second"),
        (json!({"rate_per_second": 5, "x": 1}), "unknown_field", "/x"),
    ] {
        let found = world.post(&rate, &world.server_key, body).await.problem();
        assert_eq!(found, (422, code.to_owned(), Some(pointer.to_owned())));
    }
    let set = world.post(&rate, &world.server_key, json!({"rate_per_second": 5})).await.expect(200);
    assert_eq!(set["control"], json!({"state": "running", "rate_per_second": 5}));
    let cleared = world.post(&rate, &world.server_key, json!({"rate_per_second": null})).await.expect(200);
    assert_eq!(cleared["control"], json!({"state": "running"}));
}

#[tokio::test]
async fn another_apps_message_is_not_there() {
    let world = World::new().await;
    let id = running(&world).await;
    let other = world.post("/v1/apps", &world.admin, json!({"id": "other"})).await.expect(201);
    let key = other["server_key"].as_str().unwrap();
    for verb in ["pause", "resume", "abort", "recall"] {
        let answer = world.post(&format!("/v1/messages/{id}/{verb}"), key, json!({})).await;
        assert_eq!(answer.problem().0, 404, "{verb}");
    }
    let stored = world.store.message(id).await.unwrap().unwrap();
    assert_eq!(stored.control.flow, Flow::Running);
}

#[tokio::test]
async fn a_recall_survives_every_failure_of_the_store() {
    let world = World::new().await;
    let failures = world
        .fail_everywhere(
            async |world, _| running(world).await,
            async |world, id| world.post(&format!("/v1/messages/{id}/recall"), &world.server_key, json!({})).await,
            async |_, _| {},
            async |world, id, answer| {
                let recall = answer.expect(202)["message_id"].as_str().unwrap().parse().unwrap();
                let stored = world.store.message(recall).await.unwrap().unwrap();
                assert_eq!(stored.recalls, Some(id));
                assert_eq!(world.store.message(id).await.unwrap().unwrap().control.flow, Flow::Recalled);
            },
        )
        .await;
    assert!(failures >= 8, "{failures}");
}
