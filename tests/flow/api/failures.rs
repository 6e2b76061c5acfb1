//! A store that fails at any call, before or after it took effect: the answer is 503, and sending the same again ends well.

use homing_contract::queue::decode;
use homing_credentials::{derive_id, message_id};
use homing_domain::{AudienceJob, DeviceId, Event, ReceiptBatch};
use homing_ports::{Devices as _, Mailboxes as _, Messages as _, QueueName};
use http::Request;
use serde_json::{Value, json};

use super::devices::{connect, pending};
use super::world::{APP, Answer, World};

async fn post_with_key(world: &World, path: &str, credentials: &str, key: &str, body: Value) -> Answer {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {credentials}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(body.to_string().into())
        .unwrap();
    world.send(request).await
}

#[tokio::test]
async fn no_202_without_a_row_and_a_job() {
    let world = World::new().await;
    let body = || json!({"audience": {"all": true}, "data": {}});
    let failures = world
        .fail_everywhere(
            async |world, round| {
                world.drain(QueueName::Audience).await;
                // The app's key is read from the store each time.
                world.edge.forget_app(&APP.parse().unwrap());
                format!("order-{round}")
            },
            async |world, key| post_with_key(world, "/v1/messages", &world.server_key, key, body()).await,
            async |world, key| {
                let id = message_id(&APP.parse().unwrap(), key);
                let is_queued = world.depth(QueueName::Audience).await > 0;
                assert!(!is_queued || world.store.message(id).await.unwrap().is_some(), "a job without its row");
            },
            async |world, _, answer| {
                let accepted = answer.expect(202);
                let id = accepted["message_id"].as_str().unwrap().parse().unwrap();
                assert!(world.store.message(id).await.unwrap().is_some());
                let jobs = world.drain(QueueName::Audience).await;
                assert!(!jobs.is_empty());
                assert!(jobs.iter().all(|job| decode::<AudienceJob>(job).unwrap().message == id));
            },
        )
        .await;
    // The app, the row, the job: each lost before and after.
    assert_eq!(failures, 6);
}

#[tokio::test]
async fn a_registration_is_one_device_with_a_mailbox() {
    let world = World::new().await;
    let failures = world
        .fail_everywhere(
            async |_, round| format!("0123456789abcdefghijkl-{round}"),
            async |world, key| {
                let body = json!({"platform": "ios"});
                post_with_key(world, "/v1/devices", &world.client_key, key, body).await
            },
            async |world, key| {
                let id = DeviceId::from_bytes(derive_id("homing/1 device", &[APP.as_bytes(), key.as_bytes()]));
                let is_listed = world.store.device(&id).await.unwrap().is_some();
                assert!(!is_listed || world.store.mailbox(id).await.unwrap().is_some(), "a device without its mailbox");
            },
            async |world, _, answer| {
                let registered = answer.expect(201);
                let id: DeviceId = registered["device_id"].as_str().unwrap().parse().unwrap();
                let device = world.store.device(&id).await.unwrap().unwrap();
                let mailbox = world.store.mailbox(id).await.unwrap().unwrap();
                assert_eq!((device.epoch, registered["epoch"].as_u64()), (mailbox.epoch, Some(mailbox.epoch)));
            },
        )
        .await;
    assert!(failures >= 8, "{failures}");
}

#[tokio::test]
async fn an_unbind_reaches_mailbox_ledger_and_directory() {
    let world = World::new().await;
    let failures = world
        .fail_everywhere(
            async |world, _| {
                let (id, secret) = world.register().await;
                let path = format!("/v1/devices/{id}/user");
                world.call("PUT", &path, &secret, Some(json!({"user_id": "anna"}))).await.expect(200);
                let device = id.parse().unwrap();
                let message = pending(world, device, 1, Some("anna")).await;
                (device, path, secret, message)
            },
            async |world, (_, path, secret, _)| world.call("DELETE", path, secret, None).await,
            async |world, (device, ..)| {
                let is_unbound = world.store.device(device).await.unwrap().unwrap().user.is_none();
                let mailbox = world.store.mailbox(*device).await.unwrap().unwrap();
                assert!(!is_unbound || mailbox.user.is_none(), "the mailbox still takes what is for the old user");
            },
            async |world, (device, _, _, message), answer| {
                assert_eq!(answer.expect(200)["user_id"], Value::Null);
                assert_eq!(world.store.device(&device).await.unwrap().unwrap().user, None);
                assert_eq!(world.store.mailbox(device).await.unwrap().unwrap().user, None);
                let told = told(world).await;
                assert!(told.contains(&(device, message)), "{told:?}");
            },
        )
        .await;
    assert!(failures >= 8, "{failures}");
}

#[tokio::test]
async fn a_deregistration_reaches_mailbox_ledger_and_directory() {
    let world = World::new().await;
    let failures = world
        .fail_everywhere(
            async |world, _| {
                let (id, _) = world.register().await;
                let device: DeviceId = id.parse().unwrap();
                connect(world, device, 1).await;
                let message = pending(world, device, 1, None).await;
                (device, message)
            },
            async |world, (device, _)| {
                let named = json!({"devices": [device.to_string()]});
                world.post("/v1/devices/deregister", &world.server_key, named).await
            },
            async |world, (device, _)| {
                let is_gone = world.store.device(device).await.unwrap().is_none();
                let mailbox = world.store.mailbox(*device).await.unwrap().unwrap();
                assert!(!is_gone || mailbox.revoked, "a device that is gone can still connect");
                assert!(!is_gone || world.depth(QueueName::Receipts).await > 0, "its messages end unheard");
            },
            async |world, (device, message), answer| {
                answer.expect(200);
                assert_eq!(world.store.device(&device).await.unwrap(), None);
                assert!(world.store.mailbox(device).await.unwrap().unwrap().revoked);
                let told = told(world).await;
                assert!(told.contains(&(device, message)), "{told:?}");
            },
        )
        .await;
    assert!(failures >= 8, "{failures}");
}

#[tokio::test]
async fn a_rotation_whose_answer_is_lost_ends_no_key_in_use() {
    let world = World::new().await;
    let failures = world
        .fail_everywhere(
            async |world, round| {
                let body = json!({"id": format!("app-{round}")});
                let created = world.post("/v1/apps", &world.admin, body).await.expect(201);
                (format!("/v1/apps/app-{round}/keys/rotate"), created["server_key"].as_str().unwrap().to_owned())
            },
            async |world, (path, _)| post_with_key(world, path, &world.admin, "monday", json!({})).await,
            async |_, _| {},
            async |world, (_, old), answer| {
                let new = answer.expect(201)["server_key"].as_str().unwrap().to_owned();
                world.get("/v1/messages", &new).await.expect(200);
                world.get("/v1/messages", &old).await.expect(200);
            },
        )
        .await;
    assert!(failures >= 4, "{failures}");
}

#[tokio::test]
async fn an_app_whose_answer_is_lost_is_answered_again() {
    let world = World::new().await;
    let failures = world
        .fail_everywhere(
            async |_, round| json!({"id": format!("app-{round}"), "quota_per_second": 5}),
            async |world, body| post_with_key(world, "/v1/apps", &world.admin, "monday", body.clone()).await,
            async |_, _| {},
            async |world, mut body, answer| {
                let created = answer.expect(201);
                let key = created["server_key"].as_str().unwrap();
                world.get("/v1/messages", key).await.expect(200);
                body["quota_per_second"] = json!(6);
                let other = post_with_key(world, "/v1/apps", &world.admin, "monday", body).await;
                assert_eq!(other.problem(), (409, "app_exists".to_owned(), None));
            },
        )
        .await;
    assert!(failures >= 4, "{failures}");
}

/// Who was reported as ended in the receipts queue.
async fn told(world: &World) -> Vec<(DeviceId, homing_domain::MessageId)> {
    let bodies = world.drain(QueueName::Receipts).await;
    let receipts = bodies.iter().flat_map(|body| decode::<ReceiptBatch>(body).unwrap().receipts);
    receipts
        .filter(|receipt| matches!(receipt.event, Event::Ended(_)))
        .map(|receipt| (receipt.device, receipt.message))
        .collect()
}
