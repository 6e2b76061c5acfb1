//! Apps, keys, settings and gateways.

use homing_domain::{GatewayRef, Lease, Load, Notice, ServerId};
use homing_ports::{Gateways as _, NoticeSource as _, Settings as _};
use serde_json::json;

use super::world::World;

pub(super) async fn gateway(world: &World, id: u8, links: u32) -> GatewayRef {
    let gateway = GatewayRef { server_id: ServerId([id; 8]), incarnation: 1 };
    let lease = Lease {
        gateway,
        host: format!("gw{id}.example"),
        port: 443,
        region: String::new(),
        load: Load { links, capacity: 1_000 },
        draining: false,
        expires_at: world.edge.now().plus(15_000),
    };
    assert!(world.store.renew_lease(lease).await.unwrap());
    gateway
}

#[tokio::test]
async fn a_rotated_key_is_good_at_once_and_the_old_one_for_its_grace() {
    let world = World::new().await;
    let old = world.server_key.clone();
    world.get("/v1/messages", &old).await.expect(200);
    world.clock.advance(500);
    let body = json!({"grace_seconds": 60});
    let rotated = world.post("/v1/apps/demo/keys/rotate", &world.admin, body).await.expect(201);
    let new = rotated["server_key"].as_str().unwrap();
    world.get("/v1/messages", new).await.expect(200);
    world.get("/v1/messages", &old).await.expect(200);
    world.clock.advance(60_000);
    world.get("/v1/messages", new).await.expect(200);
    assert_eq!(world.get("/v1/messages", &old).await.problem().1, "credentials_invalid");
    // Without a body the grace is a day.
    let again = world.call("POST", "/v1/apps/demo/keys/rotate", &world.admin, None).await.expect(201);
    assert_eq!(again["app"]["server_keys"].as_array().unwrap().len(), 2);
    world.get("/v1/messages", new).await.expect(200);
}

#[tokio::test]
async fn no_answer_shows_a_key_again() {
    let world = World::new().await;
    for path in ["/v1/apps", "/v1/apps/demo"] {
        let answer = world.get(path, &world.admin).await;
        let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
        let secret = world.server_key.split('.').nth(1).unwrap();
        assert!(text.contains("hms_demo.") && !text.contains(secret), "{text}");
        assert!(!text.contains("client_key") && !text.contains("digest"), "{text}");
    }
}

#[tokio::test]
async fn a_deleted_app_is_shut_out() {
    let world = World::new().await;
    world.get("/v1/messages", &world.server_key).await.expect(200);
    let (id, secret) = world.register().await;
    world.call("DELETE", "/v1/apps/demo", &world.admin, None).await.expect(204);
    assert_eq!(world.get("/v1/messages", &world.server_key).await.problem().0, 401);
    assert_eq!(world.get(&format!("/v1/devices/{id}"), &secret).await.problem().0, 401);
    let register = json!({"client_key": world.client_key, "platform": "ios"});
    assert_eq!(world.post("/v1/devices", "", register).await.problem().0, 401);
}

#[tokio::test]
async fn heartbeat_settings_reach_gateways_and_devices() {
    let world = World::new().await;
    let gateway = gateway(&world, 1, 0).await;
    let mut settings = world.get("/v1/settings/heartbeat", &world.admin).await.expect(200);
    assert_eq!(settings["quic"]["initial_ms"], 55_000);
    settings["quic"]["initial_ms"] = json!(30_000);
    world.call("PUT", "/v1/settings/heartbeat", &world.admin, Some(settings.clone())).await.expect(200);
    assert_eq!(world.store.settings().await.unwrap().heartbeat.quic.initial, 30_000);
    let route = world.get("/v1/route", &world.client_key).await.expect(200);
    assert_eq!(route["heartbeat"]["quic"]["initial_ms"], 30_000);

    settings["tcp"]["initial_ms"] = json!(200_000);
    let own = "/v1/apps/demo/settings/heartbeat";
    world.call("PUT", own, &world.admin, Some(settings)).await.expect(200);
    let route = world.get("/v1/route", &world.client_key).await.expect(200);
    assert_eq!(route["heartbeat"]["tcp"]["initial_ms"], 200_000);
    world.call("DELETE", own, &world.admin, None).await.expect(204);
    assert_eq!(world.get(own, &world.admin).await.expect(200)["tcp"]["initial_ms"], 270_000);
    let notices = world.store.take_notices(gateway, 10, 0).await.unwrap();
    assert_eq!(notices, [Notice::HeartbeatChanged, Notice::HeartbeatChanged, Notice::HeartbeatChanged]);
}

#[tokio::test]
async fn gateways_are_listed_and_drained() {
    let world = World::new().await;
    let live = gateway(&world, 1, 10).await;
    let listed = world.get("/v1/gateways", &world.admin).await.expect(200);
    assert_eq!(listed["gateways"][0]["server_id"], "0x0101010101010101");
    assert_eq!(
        (listed["gateways"][0]["live"].clone(), listed["gateways"][0]["links"].clone()),
        (json!(true), json!(10))
    );
    let drain = "/v1/gateways/0x0101010101010101/drain";
    world.post(drain, &world.admin, json!({"spread_seconds": 5})).await.expect(202);
    let notices = world.store.take_notices(live, 10, 0).await.unwrap();
    assert_eq!(notices, [Notice::Drain { spread: 5_000 }]);
    world.clock.advance(15_000);
    assert_eq!(world.call("POST", drain, &world.admin, None).await.problem().0, 404);
}

#[tokio::test]
async fn an_app_says_what_it_wants_to_be_told() {
    let world = World::new().await;
    let shown = world.get("/v1/apps/demo", &world.admin).await.expect(200);
    assert_eq!(shown["events"], json!({"message_completed": false, "presence": false}));
    assert_eq!(shown["upstream"], json!({"to": "poll"}));
    let patch = async |body| world.call("PATCH", "/v1/apps/demo", &world.admin, Some(body)).await;
    let queue = json!({"to": "queue", "queue_url": "https://sqs.example/1/up"});
    let changed = patch(json!({"events": {"message_completed": true}, "upstream": queue})).await.expect(200);
    assert_eq!((&changed["events"]["message_completed"], &changed["upstream"]), (&json!(true), &queue));
    // What is left out stays.
    let changed = patch(json!({"events": {"presence": true}})).await.expect(200);
    assert_eq!(changed["events"], json!({"message_completed": true, "presence": true}));
    assert_eq!(changed["upstream"], queue);
    let wrong = patch(json!({"upstream": {"to": "bus", "queue_url": "https://sqs.example/1/up"}})).await;
    assert_eq!(wrong.problem(), (422, "invalid_value".to_owned(), Some("/upstream/queue_url".to_owned())));
    let wrong = patch(json!({"events": {"presense": true}})).await;
    assert_eq!(wrong.problem(), (422, "unknown_field".to_owned(), Some("/events/presense".to_owned())));

    let new = json!({"id": "other", "events": {"presence": true}, "upstream": {"to": "bus"}});
    let created = world.post("/v1/apps", &world.admin, new).await.expect(201);
    assert_eq!(created["app"]["events"], json!({"message_completed": false, "presence": true}));
    assert_eq!(created["app"]["upstream"], json!({"to": "bus"}));
}
