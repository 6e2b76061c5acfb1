//! A server in this process with an app, and devices on it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use homing::client::{ApiClient, ClientError};
use homing::config::Config;
use homing::link;
use homing::serve::{self, Running};
use homing_contract::http::v1::{
    AppCreated, AudienceRequest, BindUser, CreateApp, MessagePatch, MessageView, Notification, OptionsRequest,
    PlatformName, PushAccepted, PushRequest, RegisterDevice, RegisteredDevice, ScheduleRequest, StageName,
    VendorAddress,
};
use homing_device_sdk::{Backoff, Device, Event, Inbox, Preference, Route, StateStore, Status, Transport, Transports};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Whatever a test waits for takes milliseconds; a machine under load may take a thousand times that.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a balance.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A test does not wait as long as a phone.
const BACKOFF: Backoff = Backoff { after_loss: 50, base: 50, cap: 500 };

/// On free ports of the loopback address, with its data in `directory`.
pub(super) fn config(directory: &Path) -> Config {
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut config = Config::read(&[]).unwrap();
    config.data_dir = directory.join("data");
    config.http = Some(free);
    config.https = Some(free);
    config.gateway.listen = free;
    config
}

pub(super) struct World {
    running: Running,
    api: ApiClient,
    keys: AppCreated,
    /// The operator's token; none after a restart.
    admin: String,
}

impl World {
    pub(super) async fn start(directory: &Path) -> Self {
        Self::start_with(config(directory)).await
    }

    pub(super) async fn start_with(config: Config) -> Self {
        let running = serve::start(config).await.unwrap();
        let admin = running.first_admin_token.as_ref().unwrap().expose().to_owned();
        let api = api(&running);
        let request = CreateApp { id: "demo".into(), ..CreateApp::default() };
        let keys = api.post("/v1/apps", &admin, &request).await.unwrap();
        Self { running, api, keys, admin }
    }

    pub(super) async fn start_again(directory: &Path, keys: AppCreated) -> Self {
        let running = serve::start(config(directory)).await.unwrap();
        Self { api: api(&running), running, keys, admin: String::new() }
    }

    /// Where it answers plain HTTP.
    pub(super) fn plain_address(&self) -> SocketAddr {
        self.running.http.unwrap()
    }

    pub(super) fn keys(&self) -> AppCreated {
        self.keys.clone()
    }

    /// The client, and the server key that it needs.
    pub(super) fn client(&self) -> (&ApiClient, &str) {
        (&self.api, &self.keys.server_key)
    }

    pub(super) async fn stop(self) -> bool {
        self.running.stop(PATIENCE).await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.api.get(path, &self.keys.server_key).await.unwrap()
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ClientError> {
        self.api.post(path, &self.keys.server_key, body).await
    }

    pub(super) async fn patch<T: DeserializeOwned>(&self, path: &str, patch: &MessagePatch) -> Result<T, ClientError> {
        self.api.patch(path, &self.keys.server_key, patch).await
    }

    /// A device whose clock is in this zone.
    pub(super) async fn register_in(&self, timezone: &str) -> RegisteredDevice {
        let request =
            RegisterDevice { timezone: Some(timezone.to_owned()), ..RegisterDevice::new(PlatformName::Other) };
        self.api.post("/v1/devices", &self.keys.client_key, &request).await.unwrap()
    }

    pub(super) async fn register(&self, user: Option<&str>) -> RegisteredDevice {
        self.register_as(RegisterDevice::new(PlatformName::Other), user).await
    }

    /// A device with an address at Apple's.
    pub(super) async fn register_at_vendor(&self, token: &str, user: Option<&str>) -> RegisteredDevice {
        let address = VendorAddress { channel: "apns".to_owned(), token: token.to_owned() };
        self.register_as(RegisterDevice { vendor: Some(address), ..RegisterDevice::new(PlatformName::Ios) }, user).await
    }

    /// From now on this person uses it.
    pub(super) async fn bind(&self, registered: &RegisteredDevice, user: &str) {
        let path = format!("/v1/devices/{}/user", registered.device_id);
        let bind = BindUser { user_id: user.to_owned() };
        let _: Value = self.api.put(&path, &self.keys.server_key, &bind).await.unwrap();
    }

    /// A device with an address at this vendor.
    pub(super) async fn register_at(&self, channel: &str, token: &str) -> RegisteredDevice {
        let address = VendorAddress { channel: channel.to_owned(), token: token.to_owned() };
        let device = RegisterDevice { vendor: Some(address), ..RegisterDevice::new(PlatformName::Android) };
        self.register_as(device, None).await
    }

    /// Another app.
    pub(super) async fn create_app(&self, id: &str) {
        let request = CreateApp { id: id.to_owned(), ..CreateApp::default() };
        let _: AppCreated = self.api.post("/v1/apps", &self.admin, &request).await.unwrap();
    }

    /// The operator uploads what this app has from a vendor, or says how it is asked; `what` = `""` or `"/policy"`.
    pub(super) async fn set_channel(&self, app: &str, channel: &str, what: &str, body: &Value) -> Value {
        let path = format!("/v1/apps/{app}/channels/{channel}{what}");
        self.api.put(&path, &self.admin, body).await.unwrap()
    }

    pub(super) async fn register_as(&self, request: RegisterDevice, user: Option<&str>) -> RegisteredDevice {
        let registered: RegisteredDevice = self.api.post("/v1/devices", &self.keys.client_key, &request).await.unwrap();
        if let Some(user) = user {
            self.bind(&registered, user).await;
        }
        registered
    }

    /// Returns the message's id.
    pub(super) async fn push(&self, audience: AudienceRequest, text: &str, ttl_seconds: Option<i64>) -> String {
        let notification = Notification { body: Some(text.to_owned()), ..Notification::default() };
        let options = OptionsRequest { ttl_seconds, ..OptionsRequest::default() };
        let request = PushRequest {
            audience,
            notification: Some(notification),
            options: Some(options),
            ..PushRequest::default()
        };
        self.send(&request).await
    }

    /// The same with a time. Returns the message's id.
    pub(super) async fn push_at(&self, audience: AudienceRequest, text: &str, schedule: ScheduleRequest) -> String {
        let notification = Notification { body: Some(text.to_owned()), ..Notification::default() };
        let schedule = Some(schedule);
        self.send(&PushRequest { audience, notification: Some(notification), schedule, ..PushRequest::default() }).await
    }

    /// Returns the message's id.
    pub(super) async fn send(&self, request: &PushRequest) -> String {
        let key = uuid::Uuid::new_v4().to_string();
        let accepted: PushAccepted = self.api.push(&self.keys.server_key, &key, request).await.unwrap();
        accepted.message_id
    }

    /// Links a device and waits until the link is up.
    pub(super) async fn link(
        &self,
        registered: &RegisteredDevice,
        transport: Transport,
        state: impl StateStore,
    ) -> Linked {
        let trust = link::trust(self.running.development_certificate.as_deref()).unwrap();
        let route = Route::new("127.0.0.1", self.running.gateway.port());
        let (handle, inbox) = Device::builder(link::identity(registered).unwrap(), route)
            .transports(Transports::new(trust).unwrap())
            .preference(Preference::Only(transport))
            .backoff(BACKOFF)
            .start(state)
            .await
            .unwrap();
        let up = tokio::time::timeout(PATIENCE, handle.wait_for(Status::is_connected));
        assert!(up.await.expect("the link comes up in time"));
        Linked { id: registered.device_id.clone(), handle, inbox, seqs: Vec::new() }
    }

    /// Waits until nothing of a message is pending.
    pub(super) async fn completed(&self, id: &str) -> MessageView {
        self.reached(id, |stage| stage == StageName::Completed).await
    }

    /// Waits until all devices of a message are known.
    pub(super) async fn released(&self, id: &str) -> MessageView {
        self.reached(id, |stage| matches!(stage, StageName::Released | StageName::Completed)).await
    }

    /// Waits until so many devices have a message.
    pub(super) async fn delivered(&self, id: &str, devices: i64) -> MessageView {
        self.seen(id, |view| view.balance.delivered == devices).await
    }

    async fn reached(&self, id: &str, wanted: impl Fn(StageName) -> bool) -> MessageView {
        self.seen(id, |view| wanted(view.summary.stage)).await
    }

    /// Looks until a message is as it is wanted.
    pub(super) async fn seen(&self, id: &str, wanted: impl Fn(&MessageView) -> bool) -> MessageView {
        let path = format!("/v1/messages/{id}");
        let looking = async {
            loop {
                let view: MessageView = self.get(&path).await;
                if wanted(&view) {
                    return view;
                }
                tokio::time::sleep(LOOK_EVERY).await; // sleep: a balance tells nobody that it changed
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("the message gets there in time")
    }
}

fn api(running: &Running) -> ApiClient {
    // Over TLS, so that the development certificate is put to use.
    let url = format!("https://{}", running.https.unwrap());
    ApiClient::new(&url, running.development_certificate.as_deref()).unwrap()
}

/// A device with a live link.
pub(super) struct Linked {
    pub(super) id: String,
    pub(super) handle: Device,
    /// Of the messages that were taken.
    pub(super) seqs: Vec<u64>,
    inbox: Inbox,
}

impl Linked {
    /// Whether nothing will arrive any more; waits until it is known.
    pub(super) async fn is_over(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, self.inbox.next()).await.expect("known in time").is_none()
    }

    /// Waits until the link is gone; whether the gateway closed it with a code.
    pub(super) async fn closed(&self) -> bool {
        let mut status = self.handle.status();
        let gone = status.wait_for(|status| !status.is_connected());
        let status = tokio::time::timeout(PATIENCE, gone).await.expect("the link goes in time").unwrap();
        status.closed().is_some()
    }

    /// Whatever happens next.
    pub(super) async fn next_event(&mut self) -> Event {
        let next = tokio::time::timeout(PATIENCE, self.inbox.next()).await;
        let delivery = next.expect("something happens in time").unwrap();
        let event = delivery.event().clone();
        delivery.done().await;
        event
    }

    /// The next message: its id and its text.
    pub(super) async fn next_text(&mut self) -> (String, String) {
        let event = self.next_event().await;
        let message = super::message(&event);
        self.seqs.push(message.seq);
        let payload: Value = serde_json::from_slice(&message.payload).unwrap();
        (message.id.to_string(), payload["notification"]["body"].as_str().unwrap().to_owned())
    }
}

/// A GET over plain HTTP: status and body.
pub(super) async fn plain_get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = plain(address, &format!("GET {path}"), "", b"").await;
    let body = answer.1.split_once("\r\n\r\n").unwrap().1.to_owned();
    (answer.0, body)
}

/// A request over plain HTTP, its further headers with `\r\n` after each: status, and the whole answer.
pub(super) async fn plain(address: SocketAddr, what: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head =
        format!("{what} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}
