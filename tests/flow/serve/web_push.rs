//! Any Web Push library sends to a device, and only the device can read it.

use homing_contract::http::v1::{RegisteredDevice, WebPushSubscribed};
use homing_device_sdk::{Event, MemoryState, Transport, WebPushKeys};
use homing_web_push::{Subscription, encrypt, public_of_private, vapid};
use jiff::Timestamp;
use serde_json::json;

use super::world::{Linked, World, plain};

/// The application server's key.
const SHOP: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];

struct Sender {
    subscription: Subscription,
    /// Path of the endpoint.
    path: String,
}

impl Sender {
    /// A device subscribes, for the shop alone, and tells it.
    async fn subscribed(world: &World, device: &RegisteredDevice, keys: &WebPushKeys, number: u32) -> Self {
        let key = public_of_private(&SHOP).unwrap();
        let key = homing_web_push::SubscriptionKeys { p256dh: key, auth: [0; 16] }.p256dh_text();
        let path = format!("/v1/devices/{}/web-push-subscriptions", device.device_id);
        let request = json!({ "subscription": number, "application_server_key": key });
        let subscribed: WebPushSubscribed = world.post(&path, &request).await.unwrap();
        let subscription = Subscription::parse(&keys.subscription_json(&subscribed.endpoint)).unwrap();
        let path = subscribed.endpoint.splitn(4, '/').nth(3).unwrap();
        Self { subscription, path: format!("/{path}") }
    }

    /// What a library does: encrypts and signs. Answers the status and the address of the message.
    async fn send(&self, world: &World, as_whom: &[u8; 32], text: &str) -> (u16, Option<String>) {
        let body = encrypt(text.as_bytes(), &self.subscription.keys, &[5; 32], [6; 16]).unwrap();
        self.post(world, as_whom, &body).await
    }

    async fn post(&self, world: &World, as_whom: &[u8; 32], body: &[u8]) -> (u16, Option<String>) {
        let expires = u64::try_from(Timestamp::now().as_second()).unwrap() + 3_600;
        let identification = vapid::sign(as_whom, "https://localhost", "mailto:ops@example.com", expires).unwrap();
        let headers = format!(
            "ttl: 3600\r\nurgency: high\r\ntopic: news\r\ncontent-encoding: aes128gcm\r\nauthorization: {identification}\r\n"
        );
        let (status, answer) = plain(world.plain_address(), &format!("POST {}", self.path), &headers, body).await;
        let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).map(str::to_owned);
        (status, location)
    }
}

/// The next message as the app reads it: its subscription and its text.
async fn read(device: &mut Linked, keys: &WebPushKeys) -> (u32, String) {
    let event = device.next_event().await;
    let opened = keys.open(super::message(&event)).expect("it came by Web Push").unwrap();
    (opened.subscription, String::from_utf8(opened.plaintext).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_library_encrypts_only_the_device_reads() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let keys = WebPushKeys::generate();
    let sender = Sender::subscribed(&world, &registered, &keys, 7).await;
    let mut device = world.link(&registered, Transport::Quic, MemoryState::new()).await;

    let (status, location) = sender.send(&world, &SHOP, "花开了 🌸").await;
    assert_eq!(status, 201);
    assert_eq!(read(&mut device, &keys).await, (7, "花开了 🌸".to_owned()));
    // A body of 4,096 bytes must be taken (RFC 8030 section 7.2), and one more must not.
    let longest = "x".repeat(3_993);
    assert_eq!(sender.send(&world, &SHOP, &longest).await.0, 201);
    assert_eq!(read(&mut device, &keys).await, (7, longest));
    assert_eq!(sender.post(&world, &SHOP, &[0; 4_097]).await.0, 413);

    // What was delivered is taken back by the address that its sender got.
    let taken_back = plain(world.plain_address(), &format!("DELETE {}", location.unwrap()), "", b"").await;
    assert_eq!(taken_back.0, 204);
    assert!(matches!(device.next_event().await, Event::Recalled { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_a_device_that_is_gone_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let keys = WebPushKeys::generate();
    let mut sender = Sender::subscribed(&world, &registered, &keys, 0).await;
    assert_eq!(sender.send(&world, &OTHER, "from another shop").await.0, 403);
    let unsigned = plain(world.plain_address(), &format!("POST {}", sender.path), "ttl: 1\r\n", b"").await;
    assert_eq!(unsigned.0, 401);
    let (client, key) = world.client();
    client.delete(&format!("/v1/devices/{}", registered.device_id), key).await.unwrap();
    assert_eq!(sender.send(&world, &SHOP, "too late").await.0, 410);
    sender.path.push('x');
    assert_eq!(sender.send(&world, &SHOP, "to nobody").await.0, 404);
}
