//! Devices: registration, reports, users, tags, deregistration.

use homing_contract::queue::decode;
use homing_domain::mailbox::{Body, Enqueue, Enqueued, Takeover};
use homing_domain::{
    ConnSeq, DeviceId, Event, MessageId, Notice, Priority, Reason, ReceiptBatch, Stage, UnixMillis, UserId,
};
use homing_ports::{Devices, Mailboxes as _, NoticeSource as _, QueueName};
use http::Request;
use serde_json::json;

use super::apps::gateway;
use super::world::{APP, World};

/// A pending message to a user in a device's mailbox.
pub(super) async fn pending(world: &World, device: DeviceId, n: u8, user: Option<&str>) -> MessageId {
    let message = MessageId::from_bytes([n; 16]);
    let now = world.edge.now();
    let request = Enqueue {
        app: APP.parse().unwrap(),
        message,
        user: user.map(|user| user.parse::<UserId>().unwrap().hash()),
        now,
        accepted_at: now,
        expires_at: now.plus(60_000),
        priority: Priority::Normal,
        collapse_key: None,
        body: Body::Reference,
        variant: 0,
    };
    let enqueued = world.store.enqueue(vec![(device, request)]).await.unwrap().remove(0).unwrap();
    assert!(matches!(enqueued, Enqueued::Stored { .. }), "{enqueued:?}");
    message
}

/// What the receipts queue says ended, in order.
async fn ended(world: &World) -> Vec<(MessageId, Stage, Option<Reason>)> {
    let bodies = world.drain(QueueName::Receipts).await;
    let batches = bodies.iter().map(|body| decode::<ReceiptBatch>(body).unwrap());
    batches
        .flat_map(|batch| batch.receipts)
        .map(|receipt| match receipt.event {
            Event::Ended(end) => (receipt.message, end.stage, end.reason),
            Event::Fact(fact) => panic!("{fact:?}"),
        })
        .collect()
}

pub(super) async fn connect(world: &World, device: DeviceId, conn_seq: ConnSeq) -> homing_domain::GatewayRef {
    let gateway = gateway(world, 1, 1).await;
    let takeover = Takeover { gateway, conn_seq, credential_generation: 1, now: UnixMillis(0) };
    world.store.take_over(device, takeover).await.unwrap().unwrap();
    gateway
}

#[tokio::test]
async fn a_device_registers_and_is_itself() {
    let world = World::new().await;
    gateway(&world, 1, 0).await;
    let body = json!({
        "client_key": world.client_key, "platform": "harmony", "brand": "HUAWEI", "model": "Mate 60",
        "os_version": "4.2", "app_version": "1.0", "locale": "zh-CN", "timezone": "Asia/Shanghai",
        "vendor": {"channel": "huawei", "token": "vendor-token"}
    });
    let device = world.post("/v1/devices", "", body).await.expect(201);
    assert_eq!((device["key_id"].clone(), device["credential_generation"].clone()), (json!(1), json!(1)));
    assert_eq!(device["route"]["gateways"][0]["host"], "gw1.example");
    let (id, secret) = (device["device_id"].as_str().unwrap(), device["device_secret"].as_str().unwrap());
    let stored = world.store.mailbox(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(device["epoch"], stored.epoch);

    let path = format!("/v1/devices/{id}");
    let seen = world.get(&path, secret).await;
    assert!(!String::from_utf8_lossy(&seen.bytes).contains("vendor-token"));
    let seen = seen.expect(200);
    assert_eq!((seen["platform"].clone(), seen["vendor"]["channel"].clone()), (json!("harmony"), json!("huawei")));
    assert_eq!(world.get(&path, &world.server_key).await.expect(200), seen);
    // A token addresses the device, and is no credential.
    let token = device["push_token"].as_str().unwrap();
    assert_eq!(world.get(&path, token).await.problem().0, 401);
    let push = json!({"audience": {"devices": [token]}, "data": {}});
    world.post("/v1/messages", &world.server_key, push).await.expect(202);
    // Another device's secret opens nothing.
    let (_, other) = world.register().await;
    assert_eq!(world.get(&path, &other).await.problem().0, 401);
}

#[tokio::test]
async fn one_registration_key_is_one_device() {
    let world = World::new().await;
    let register = async || {
        let request = Request::post("/v1/devices")
            .header("authorization", format!("Bearer {}", world.client_key))
            .header("content-type", "application/json")
            .header("idempotency-key", "0123456789abcdefghijkl")
            .body(json!({"platform": "ios"}).to_string().into())
            .unwrap();
        world.send(request).await
    };
    let first = register().await.expect(201);
    world.clock.advance(5);
    assert_eq!(register().await.expect(201), first);
    let path = format!("/v1/devices/{}", first["device_id"].as_str().unwrap());
    world.call("DELETE", &path, &world.server_key, None).await.expect(204);
    assert_eq!(register().await.problem(), (409, "device_deregistered".to_owned(), None));
}

#[tokio::test]
async fn a_rebind_stops_what_was_for_the_old_user() {
    let world = World::new().await;
    let (id, secret) = world.register().await;
    let device: DeviceId = id.parse().unwrap();
    let path = format!("/v1/devices/{id}/user");
    world.call("PUT", &path, &secret, Some(json!({"user_id": "anna"}))).await.expect(200);
    let to_anna = pending(&world, device, 1, Some("anna")).await;
    pending(&world, device, 2, None).await;
    assert_eq!(
        world.store.devices_of_user(&APP.parse().unwrap(), &"anna".parse().unwrap(), 9).await.unwrap(),
        [device]
    );

    let bound = world.call("PUT", &path, &secret, Some(json!({"user_id": "bert"}))).await.expect(200);
    assert_eq!(bound["user_id"], "bert");
    assert_eq!(ended(&world).await, [(to_anna, Stage::Suppressed, Some(Reason::Unbound))]);
    assert!(world.store.devices_of_user(&APP.parse().unwrap(), &"anna".parse().unwrap(), 9).await.unwrap().is_empty());

    // On a live link the gateway is asked to look; it alone knows what the device has seen.
    let gateway = connect(&world, device, 1).await;
    pending(&world, device, 3, Some("bert")).await;
    world.call("DELETE", &path, &world.server_key, None).await.expect(200);
    let notices = world.store.take_notices(gateway, 10, 0).await.unwrap();
    assert_eq!(notices, [Notice::Reread { device, conn_seq: 1 }]);
    assert_eq!(world.store.device(&device).await.unwrap().unwrap().user, None);
    let repeated = ended(&world).await;
    assert!(repeated.iter().all(|(message, ..)| *message == to_anna), "{repeated:?}");
}

#[tokio::test]
async fn a_deregistered_device_is_gone_for_good() {
    let world = World::new().await;
    let (id, secret) = world.register().await;
    let device: DeviceId = id.parse().unwrap();
    let gateway = connect(&world, device, 1).await;
    let message = pending(&world, device, 1, None).await;
    let path = format!("/v1/devices/{id}");
    world.call("DELETE", &path, &secret, None).await.expect(204);
    assert_eq!(world.store.take_notices(gateway, 10, 0).await.unwrap(), [Notice::Revoked { device }]);
    assert_eq!(ended(&world).await, [(message, Stage::Failed, Some(Reason::Deregistered))]);
    assert_eq!(world.get(&path, &secret).await.problem().0, 401);
    assert_eq!(world.get(&path, &world.server_key).await.problem().0, 404);
    let takeover = Takeover { gateway, conn_seq: 2, credential_generation: 1, now: UnixMillis(0) };
    assert!(world.store.take_over(device, takeover).await.unwrap().is_err());
}

#[tokio::test]
async fn business_systems_unbind_and_deregister_many() {
    let world = World::new().await;
    let (one, secret) = world.register().await;
    let (two, _) = world.register().await;
    world.call("PUT", &format!("/v1/devices/{one}/user"), &secret, Some(json!({"user_id": "anna"}))).await.expect(200);
    let nobody = "00000000-0000-4000-8000-000000000009";
    let named = json!({"devices": [one, nobody, two]});
    let results = json!({"results": [
        {"device_id": one, "found": true}, {"device_id": nobody, "found": false}, {"device_id": two, "found": true}
    ]});
    assert_eq!(world.post("/v1/devices/unbind", &world.server_key, named.clone()).await.expect(200), results);
    assert_eq!(world.store.device(&one.parse().unwrap()).await.unwrap().unwrap().user, None);
    assert_eq!(world.post("/v1/devices/deregister", &world.server_key, named.clone()).await.expect(200), results);
    let again = world.post("/v1/devices/deregister", &world.server_key, named).await.expect(200);
    assert!(again["results"].as_array().unwrap().iter().all(|result| result["found"] == false));
}

#[tokio::test]
async fn other_apps_devices_are_out_of_reach() {
    let world = World::new().await;
    let (id, _) = world.register().await;
    let other = world.post("/v1/apps", &world.admin, json!({"id": "other"})).await.expect(201);
    let key = other["server_key"].as_str().unwrap();
    assert_eq!(world.get(&format!("/v1/devices/{id}"), key).await.problem().0, 404);
    let named = json!({"devices": [id]});
    let answer = world.post("/v1/devices/deregister", key, named).await.expect(200);
    assert_eq!(answer["results"][0]["found"], false);
    assert!(world.store.device(&id.parse().unwrap()).await.unwrap().is_some());
    let presence = world.get(&format!("/v1/presence?devices={id}"), key).await.expect(200);
    assert_eq!(presence["devices"][0]["found"], false);
}

#[tokio::test]
async fn one_busy_device_is_slowed_down_alone() {
    let world = World::new().await;
    let (busy, secret) = world.register().await;
    let (calm, other) = world.register().await;
    let path = format!("/v1/devices/{busy}");
    for _ in 0..10 {
        world.get(&path, &secret).await.expect(200);
    }
    assert_eq!(world.get(&path, &secret).await.problem(), (429, "quota_exceeded".to_owned(), None));
    world.get(&format!("/v1/devices/{calm}"), &other).await.expect(200);
    world.get(&path, &world.server_key).await.expect(200);
    world.clock.advance(1_000);
    world.get(&path, &secret).await.expect(200);
}

#[tokio::test]
async fn tags_and_reports_are_kept() {
    let world = World::new().await;
    let (id, secret) = world.register().await;
    let tags = Some(json!({"tags": ["vip", "北京", "vip"]}));
    world.call("PUT", &format!("/v1/devices/{id}/tags"), &secret, tags).await.expect(200);
    let report = Some(json!({"app_version": "2.0", "notifications_enabled": false}));
    let device = world.call("PATCH", &format!("/v1/devices/{id}"), &secret, report).await.expect(200);
    assert_eq!(device["tags"], json!(["vip", "北京"]));
    assert_eq!((device["app_version"].clone(), device["notifications_enabled"].clone()), (json!("2.0"), json!(false)));
}
