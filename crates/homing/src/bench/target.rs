//! The server under measurement: a child with its doors wide open, an app, and a way to register devices.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing_contract::http::v1::{
    AppCreated, AudienceRequest, CreateApp, PlatformName, PushAccepted, PushRequest, RegisterDevice, RegisteredDevice,
};
use serde_json::{Map, Value};

use crate::arguments::BenchArguments;
use crate::client::{ApiClient, ClientError};
use crate::process::{ServerCommand, ServerProcess};

/// Registrations under way at the same time.
const REGISTRATIONS_IN_FLIGHT: usize = 64;
/// Bytes beside the time stamp, so that a payload has about 256 bytes.
const FILLING: usize = 200;
/// The field of the payload that carries the time at which it was due to be sent.
pub(super) const SENT_AT: &str = "sent_at_us";

/// A server with an app.
pub(super) struct Target {
    pub(super) command: ServerCommand,
    pub(super) process: ServerProcess,
    pub(super) api: ApiClient,
    server_key: Arc<str>,
    client_key: Arc<str>,
}

impl Target {
    pub(super) async fn start(arguments: &BenchArguments) -> Result<Self> {
        let directory = arguments.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        std::fs::create_dir_all(&directory)?;
        let data = directory.join(format!("homing-bench-{}", uuid::Uuid::new_v4()));
        let mut command = ServerCommand::local(std::env::current_exe()?, data)?;
        command.pin = arguments.pin_server;
        // What protects a server from strangers would only measure itself here.
        for flag in
            ["gateway-handshakes-per-second", "gateway-handshakes-per-address-per-second", "app-quota-per-second"]
        {
            command.flags.extend([format!("--{flag}"), "1000000".to_owned()]);
        }
        command.flags.extend(["--log-filter".to_owned(), "warn".to_owned()]);
        let process = command.start().await?;
        let admin = process.admin_token.clone().context("the server printed no operator's token")?;
        let api = ApiClient::new(&command.url(), Some(&command.certificate()))?;
        let request = CreateApp { id: "bench".to_owned(), name: None, quota_per_second: None, heartbeat: None };
        let app: AppCreated = api.post("/v1/apps", &admin, &request).await?;
        let (server_key, client_key) = (app.server_key.into(), app.client_key.into());
        Ok(Self { command, process, api, server_key, client_key })
    }

    /// Registers devices, as many as the server takes at once.
    pub(super) async fn register(&self, devices: u32) -> Result<Vec<RegisteredDevice>> {
        let request = RegisterDevice::new(PlatformName::Other);
        let one = |_| self.register_one(&request);
        stream::iter(0..devices).map(one).buffer_unordered(REGISTRATIONS_IN_FLIGHT).try_collect().await
    }

    /// Registers a device, waiting as long as the app's share of registrations is used up.
    async fn register_one(&self, request: &RegisterDevice) -> Result<RegisteredDevice> {
        loop {
            match self.api.post("/v1/devices", &self.client_key, request).await {
                Err(ClientError::Refused { status, .. }) if status == http::StatusCode::TOO_MANY_REQUESTS => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                answer => return answer.map_err(Into::into),
            }
        }
    }

    /// Pushes a payload of about 256 bytes that carries the time at which it was due.
    pub(super) async fn push(&self, audience: AudienceRequest, due: u64) -> Result<(), ClientError> {
        let data = Map::from_iter([
            (SENT_AT.to_owned(), Value::from(due)),
            ("filling".to_owned(), Value::from("x".repeat(FILLING))),
        ]);
        let request = PushRequest { audience, data: Some(data), ..PushRequest::default() };
        let key = uuid::Uuid::new_v4().to_string();
        let _: PushAccepted = self.api.push(&self.server_key, &key, &request).await?;
        Ok(())
    }

    /// Stops the server and removes its data.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.process.stop().await?;
        self.remove()
    }

    pub(super) fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.command.data_dir)?;
        std::fs::remove_file(self.command.output())?;
        std::fs::remove_file(self.command.logs())?;
        Ok(())
    }
}

/// The present in microseconds since 1970, by which both ends of a delivery on this machine are measured.
#[expect(clippy::disallowed_methods, reason = "the load generator is a driver: it measures real time")]
pub(super) fn now_micros() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX)
}

/// A stopwatch.
#[expect(clippy::disallowed_methods, reason = "the load generator is a driver: it measures real time")]
pub(super) fn started() -> Instant {
    Instant::now()
}
