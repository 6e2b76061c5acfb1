//! The push service's endpoint: whoever sends there is a stranger until the opposite is proven.

use futures_util::future::join_all;
use homing_contract::http::v1::{RegisteredDevice, WebPushSubscribed};
use homing_device_sdk::WebPushKeys;
use homing_web_push::{Subscription, SubscriptionKeys, encrypt, public_of_private, vapid};
use jiff::Timestamp;
use serde_json::json;

use super::super::world::World;
use super::sockets::{post, post_endless, start};

/// The application server's key.
const SHOP: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];
/// Largest body of any request, and largest of a message.
const BODY_MAX_BYTES: usize = 64 * 1_024;
const MESSAGE_MAX_BYTES: usize = 4_096;
/// Kernels hold up to 6 MiB of what nobody reads, at the receiver's side.
const KERNEL_MAX_BYTES: usize = 7 * 1_024 * 1_024;
/// What nobody has to read to know that it is too much.
const ENDLESS_BYTES: usize = 64 * 1_024 * 1_024;
const ENCRYPTED: &str = "ttl: 60\r\ncontent-encoding: aes128gcm\r\n";

/// A device that subscribed to the shop: the path of its endpoint, and what a library encrypts for it.
async fn subscribed(world: &World, device: &RegisteredDevice) -> (String, Vec<u8>) {
    let keys = WebPushKeys::generate();
    let key = SubscriptionKeys { p256dh: public_of_private(&SHOP).unwrap(), auth: [0; 16] }.p256dh_text();
    let path = format!("/v1/devices/{}/web-push-subscriptions", device.device_id);
    let subscribed: WebPushSubscribed =
        world.post(&path, &json!({ "subscription": 1, "application_server_key": key })).await.unwrap();
    let subscription = Subscription::parse(&keys.subscription_json(&subscribed.endpoint)).unwrap();
    let path = format!("/{}", subscribed.endpoint.splitn(4, '/').nth(3).unwrap());
    (path, encrypt(b"hello", &subscription.keys, &[5; 32], [6; 16]).unwrap())
}

/// Who sends, for which origin, until how many seconds from now.
fn identified(key: &[u8; 32], origin: &str, seconds: i64) -> String {
    let expires = u64::try_from(Timestamp::now().as_second() + seconds).unwrap();
    let identification = vapid::sign(key, origin, "mailto:ops@example.com", expires).unwrap();
    format!("{ENCRYPTED}authorization: {identification}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_bodies_without_an_end_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let device = world.register(None).await;
    let (path, body) = subscribed(&world, &device).await;
    let address = world.plain_address();
    let (here, good) = ("https://localhost", identified(&SHOP, "https://localhost", 3_600));
    for (headers, expected) in [
        (ENCRYPTED.to_owned(), (401, "vapid_required")),
        (identified(&OTHER, here, 3_600), (403, "vapid_other_key")),
        (identified(&SHOP, "https://elsewhere.example", 3_600), (403, "vapid_invalid")),
        (identified(&SHOP, here, -60), (403, "vapid_invalid")),
        (format!("{ENCRYPTED}authorization: vapid t={}, k=x\r\n", "a.".repeat(5_000)), (403, "vapid_invalid")),
        (good.replace("content-encoding: aes128gcm\r\n", ""), (415, "not_encrypted")),
    ] {
        let answer = post(address, &path, &headers, &body).await;
        assert_eq!(answer.problem(), (expected.0, expected.1.to_owned()), "{headers:.60}");
    }
    for wrong in [
        "/wp/x",
        "/wp/%FF",
        &format!("{path}x"),
        path.split_at(path.len() - 1).0,
        &format!("/wp/{}", "A".repeat(4_000)),
    ] {
        let answer = post(address, wrong, &good, &body).await;
        assert!(matches!(answer.problem().0, 400 | 404), "{wrong:.60}: {answer:?}");
    }
    let larger = vec![0; MESSAGE_MAX_BYTES + 1];
    assert_eq!(post(address, &path, &good, &larger).await.problem(), (413, "payload_too_large".to_owned()));
    let declared = format!("content-length: {}\r\n{good}", usize::MAX / 2);
    let answer = start(address, &path, &declared, b"").await.answer().await;
    assert_eq!(answer.problem(), (413, "body_too_large".to_owned()));
    let (answer, written) = post_endless(address, &path, ENDLESS_BYTES).await;
    assert_eq!(answer.problem(), (413, "body_too_large".to_owned()));
    assert!(written < BODY_MAX_BYTES + KERNEL_MAX_BYTES, "{written} bytes were taken");
    // Two that stall take a place of thousands, and the next is served.
    let stalled = format!("content-length: {MESSAGE_MAX_BYTES}\r\n{good}");
    let _stalled = join_all((0..2).map(|_| start(address, &path, &stalled, b"x"))).await;
    assert_eq!(post(address, &path, &good, &body).await.status, 201);
}
