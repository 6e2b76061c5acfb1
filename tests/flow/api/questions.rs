//! What the API answers about messages, devices and devices' own messages.

use bytes::Bytes;
use homing_contract::queue::decode;
use homing_domain::mailbox::{Body, Enqueue, Takeover};
use homing_domain::{
    BatchId, Channel, Counter, Delivery, DeviceId, Ended, Event, Fact, MessageId, Priority, Receipt, ReceiptBatch,
    Shard, ShardId, Tally, Target, UnixMillis, Upstream,
};
use homing_ports::{Ledger as _, Mailboxes as _, Messages as _, QueueName, Upstreams as _};
use serde_json::{Value, json};

use super::apps::gateway;
use super::world::{APP, World};

async fn push(world: &World) -> MessageId {
    let body = json!({"audience": {"all": true}, "data": {}});
    let accepted = world.post("/v1/messages", &world.server_key, body).await.expect(202);
    accepted["message_id"].as_str().unwrap().parse().unwrap()
}

async fn trace(world: &World, message: MessageId, device: DeviceId) -> Value {
    let path = format!("/v1/messages/{message}/trace?device={device}");
    world.get(&path, &world.server_key).await.expect(200)
}

fn stops(trace: &Value) -> Vec<&str> {
    trace["stops"].as_array().unwrap().iter().map(|stop| stop["stop"].as_str().unwrap()).collect()
}

/// Does fanout's work for one device.
async fn target(world: &World, message: MessageId, device: DeviceId) {
    let now = world.edge.now();
    world.store.begin_release(message, now, None).await.unwrap();
    let shard = ShardId::from_bytes(*message.as_bytes());
    let targets = vec![Target::plain(device, None)];
    world.store.put_shard(Shard { id: shard, message, targets, next: None }).await.unwrap();
    world.store.count_targets(shard, message, 1, 0).await.unwrap();
}

async fn enqueue(world: &World, message: MessageId, device: DeviceId) {
    let now = world.edge.now();
    let request = Enqueue {
        app: APP.parse().unwrap(),
        message,
        user: None,
        now,
        accepted_at: now,
        expires_at: now.plus(60_000),
        priority: Priority::Normal,
        collapse_key: None,
        body: Body::Reference,
        variant: 0,
    };
    world.store.enqueue(vec![(device, request)]).await.unwrap().remove(0).unwrap();
}

async fn deliver(world: &World, message: MessageId, device: DeviceId) {
    let now = world.edge.now();
    let batch = BatchId::from_bytes([9; 16]);
    let receipt = |event| Receipt { message, device, channel: Channel::Own, at: now, event };
    let end = Event::Ended(Ended::delivered(Some(now), Some(now)));
    let receipts = vec![receipt(end), receipt(Event::Fact(Fact::Opened))];
    let rows: Vec<Delivery> = world.store.record(batch, receipts, homing_domain::Snapshots::default()).await.unwrap();
    let mut tally = Tally::default();
    rows[0].tally(batch, &mut tally);
    assert_eq!(tally.get(Counter::Fact(Channel::Own, Fact::Opened)), 1);
    world.store.count(batch, vec![(message, tally)]).await.unwrap();
}

#[tokio::test]
async fn a_message_is_followed_from_acceptance_to_completion() {
    let world = World::new().await;
    let (device, _) = world.register().await;
    let device: DeviceId = device.parse().unwrap();
    let message = push(&world).await;
    let path = format!("/v1/messages/{message}");
    let view = world.get(&path, &world.server_key).await.expect(200);
    assert_eq!((view["stage"].clone(), view["balance"]["targeted"].clone()), (json!("accepted"), json!(0)));
    let traced = trace(&world, message, device).await;
    assert_eq!((traced["stage"].clone(), stops(&traced)), (Value::Null, vec!["accepted"]));

    target(&world, message, device).await;
    let traced = trace(&world, message, device).await;
    assert_eq!(
        (traced["stage"].clone(), stops(&traced)),
        (json!("pending"), vec!["accepted", "releasing", "targeted"])
    );
    enqueue(&world, message, device).await;
    let traced = trace(&world, message, device).await;
    assert_eq!(stops(&traced), ["accepted", "releasing", "targeted", "enqueued"]);
    assert_eq!(traced["explanation"], "It waits in the device's mailbox; the device is offline.");
    let elsewhere = trace(&world, message, DeviceId::from_bytes([8; 16])).await;
    assert_eq!(elsewhere["stage"], Value::Null);

    for segment in 0..64 {
        world.store.finish_segment(message, segment, world.edge.now()).await.unwrap();
    }
    let view = world.get(&path, &world.server_key).await.expect(200);
    assert_eq!((view["stage"].clone(), view["balance"]["pending"].clone()), (json!("released"), json!(1)));
    deliver(&world, message, device).await;
    let view = world.get(&path, &world.server_key).await.expect(200);
    assert_eq!(view["stage"], "completed");
    assert_eq!((view["balance"]["delivered"].clone(), view["balance"]["opened"].clone()), (json!(1), json!(1)));
    assert_eq!(view["channels"]["own"]["delivered"], 1);
    let traced = trace(&world, message, device).await;
    let way = ["accepted", "releasing", "targeted", "enqueued", "sent", "delivered", "opened"];
    assert_eq!((traced["stage"].clone(), stops(&traced)), (json!("delivered"), way.to_vec()));
}

#[tokio::test]
async fn lists_go_on_where_they_stopped() {
    let world = World::new().await;
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(push(&world).await.to_string());
        world.clock.advance(1);
    }
    sent.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/messages?limit=2{cursor}"), &world.server_key).await.expect(200);
        let messages = page["messages"].as_array().unwrap();
        seen.extend(messages.iter().map(|message| message["message_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn presence_needs_a_live_gateway() {
    let world = World::new().await;
    let (id, secret) = world.register().await;
    world.call("PUT", &format!("/v1/devices/{id}/user"), &secret, Some(json!({"user_id": "anna"}))).await.expect(200);
    let gateway = gateway(&world, 1, 1).await;
    let takeover = Takeover { gateway, conn_seq: 1, credential_generation: 1, now: UnixMillis(0) };
    world.store.take_over(id.parse().unwrap(), takeover).await.unwrap().unwrap();
    let path = format!("/v1/presence?devices={id}&users=anna,nobody");
    let view = world.get(&path, &world.server_key).await.expect(200);
    assert_eq!(view["devices"][0]["online"], true);
    assert_eq!(view["users"][0], json!({"user_id": "anna", "online": true, "devices": [view["devices"][0]]}));
    assert_eq!((view["users"][1]["online"].clone(), view["users"][1]["devices"].clone()), (json!(false), json!([])));
    world.clock.advance(15_000);
    let view = world.get(&path, &world.server_key).await.expect(200);
    assert_eq!(view["devices"][0]["online"], false);
}

#[tokio::test]
async fn the_route_names_live_gateways_to_those_who_belong() {
    let world = World::new().await;
    let (id, secret) = world.register().await;
    gateway(&world, 1, 900).await;
    gateway(&world, 2, 100).await;
    gateway(&world, 3, 1_000).await;
    let route = world.get(&format!("/v1/route?device={id}"), &secret).await.expect(200);
    let hosts: Vec<_> = route["gateways"].as_array().unwrap().iter().map(|gateway| gateway["host"].clone()).collect();
    assert_eq!(hosts, ["gw2.example", "gw1.example"]);
    assert_eq!(route["backoff"]["base_ms"], 2_000);
    assert_eq!(world.get("/v1/route", "").await.problem().0, 401);
    assert_eq!(world.get(&format!("/v1/route?device={id}"), "AAAA").await.problem().0, 401);
}

#[tokio::test]
async fn upstream_messages_are_read_once_each() {
    let world = World::new().await;
    let app: homing_domain::AppId = APP.parse().unwrap();
    for (id, payload) in [(1, Bytes::from_static("你好".as_bytes())), (2, Bytes::from_static(&[0xff, 0x00]))] {
        let device = DeviceId::from_bytes([1; 16]);
        let received_at = world.edge.now();
        let upstream = Upstream { app: app.clone(), device, id, topic: "chat".into(), payload, received_at };
        world.store.store_upstream(upstream).await.unwrap();
    }
    let page = world.get("/v1/upstream?limit=1", &world.server_key).await.expect(200);
    assert_eq!(
        (page["messages"][0]["payload"].clone(), page["messages"][0]["encoding"].clone()),
        (json!("你好"), json!("utf8"))
    );
    let after = page["next_after"].as_u64().unwrap();
    let page = world.get(&format!("/v1/upstream?after={after}"), &world.server_key).await.expect(200);
    assert_eq!(page["messages"][0]["payload"], "/wA=");
    let after = page["next_after"].as_u64().unwrap();
    let page = world.get(&format!("/v1/upstream?after={after}"), &world.server_key).await.expect(200);
    assert_eq!(page, json!({"messages": [], "next_after": after}));
}

#[tokio::test]
async fn receipts_over_https_are_queued_once_in_effect() {
    let world = World::new().await;
    let (id, secret) = world.register().await;
    let message = push(&world).await;
    let foreign = MessageId::from_bytes([5; 16]);
    let body = json!({"receipts": [
        {"message_id": message.to_string(), "kind": "opened", "at": "2999-01-01T00:00:00Z"},
        {"message_id": foreign.to_string(), "kind": "opened"}
    ]});
    let path = format!("/v1/devices/{id}/receipts");
    let accepted = json!({"accepted": 1, "unknown": 1});
    assert_eq!(world.post(&path, &secret, body.clone()).await.expect(202), accepted);
    world.clock.advance(5_000);
    assert_eq!(world.post(&path, &secret, body).await.expect(202), accepted);
    let bodies = world.drain(QueueName::Receipts).await;
    let batches: Vec<ReceiptBatch> = bodies.iter().map(|body| decode(body).unwrap()).collect();
    assert_eq!((batches.len(), batches[0].id), (2, batches[1].id));
    let receipt = &batches[0].receipts[0];
    assert_eq!((receipt.message, receipt.event), (message, Event::Fact(Fact::Opened)));
    assert!(receipt.at <= world.edge.now());
}
