//! Devices with a live link to the one gateway.

use axum::Router;
use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use homing_contract::http::v1::RegisteredDevice;
use homing_device_sdk::{
    Device, Event, Identity, Inbox, MemoryState, Preference, Route, Status, Transport, Transports, Trust,
};
use http::{Request, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tower::ServiceExt as _;

use super::actors::Actors;

/// Registrations and handshakes under way at the same time.
const IN_FLIGHT: usize = 16;

pub(super) struct Crowd {
    pub(super) server_key: String,
    pub(super) ids: Vec<String>,
    devices: Mutex<Vec<(Device, Inbox)>>,
}

impl Crowd {
    pub(super) async fn link(actors: &Actors, count: usize) -> Self {
        let token = homing_console::first_token(actors.store("console"), &homing_system::SystemEntropy).await;
        let token = token.unwrap().unwrap();
        let app = call(&actors.console, "POST", "/v1/apps", token.expose(), &json!({ "id": "shop" })).await;
        let key = |name: &str| app[name].as_str().unwrap().to_owned();
        let (server_key, client_key) = (key("server_key"), key("client_key"));
        let transports = Transports::new(Trust::Only(vec![actors.certificate.clone()])).unwrap();
        let one = |_| {
            let (client_key, transports) = (client_key.clone(), transports.clone());
            async move {
                let request = json!({ "platform": "other" });
                let registered = call(&actors.binding, "POST", "/v1/devices", &client_key, &request).await;
                let registered: RegisteredDevice = serde_json::from_value(registered).unwrap();
                let route = Route::new("127.0.0.1", actors.port()).with_server_name("localhost");
                let (device, inbox) = Device::builder(identity(&registered), route)
                    .transports(transports)
                    .preference(Preference::Only(Transport::Quic))
                    .start(MemoryState::new())
                    .await
                    .unwrap();
                assert!(device.wait_for(Status::is_connected).await);
                (registered.device_id, (device, inbox))
            }
        };
        let linked: Vec<_> = stream::iter(0..count).map(one).buffered(IN_FLIGHT).collect().await;
        let (ids, devices) = linked.into_iter().unzip();
        Self { server_key, ids, devices: Mutex::new(devices) }
    }

    /// Waits until every device has this message, each once.
    pub(super) async fn heard(&self, text: &str) {
        for (_, inbox) in &mut *self.devices.lock().await {
            let delivery = inbox.next().await.unwrap();
            let Event::Message(message) = delivery.event() else { panic!("{delivery:?}") };
            let payload: Value = serde_json::from_slice(&message.payload).unwrap();
            assert_eq!(payload["data"]["text"], text);
            delivery.done().await;
        }
    }
}

fn identity(registered: &RegisteredDevice) -> Identity {
    Identity {
        app: registered.app_id.parse().unwrap(),
        device: registered.device_id.parse().unwrap(),
        secret: registered.device_secret.parse().unwrap(),
        key_id: registered.key_id,
        credential_generation: registered.credential_generation,
        epoch: registered.epoch,
    }
}

/// A request straight into a router.
pub(super) async fn call(router: &Router, method: &str, path: &str, key: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&bytes));
    serde_json::from_slice(&bytes).unwrap()
}
