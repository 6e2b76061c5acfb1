//! The server under measurement: a child with its doors wide open, an app, and a way to register devices.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing_contract::http::v1::{
    AppCreated, AudienceRequest, CreateApp, DeliveryName, OptionsRequest, PlatformName, PriorityName, PushAccepted,
    PushRequest, QuietHoursName, RegisterDevice, RegisteredDevice,
};
use homing_domain::limits::RATE_MAX_PER_SECOND;
use serde_json::{Map, Value};

use super::report::count;
use crate::arguments::BenchArguments;
use crate::client::{ApiClient, ClientError};
use crate::process::{ServerCommand, ServerProcess, Usage};

/// Registrations under way at the same time.
pub(super) const REGISTRATIONS_IN_FLIGHT: usize = 64;
/// Bytes beside the time stamp, so that a payload has about 256 bytes.
const FILLING: usize = 200;
/// Between two looks at whether the server is still busy...
const QUIET: Duration = Duration::from_secs(2);
/// ...which it is not when it used less than this: timers and leases take a few ticks.
const QUIET_MICROS: u64 = 100_000;
/// The field of the payload that carries the time at which it was due to be sent.
pub(super) const SENT_AT: &str = "sent_at_us";

/// A server with an app.
pub(super) struct Target {
    pub(super) api: ApiClient,
    /// What to trust, if not the system's certificates.
    pub(super) certificate: Option<PathBuf>,
    pub(super) server: Server,
    pub(super) admin: Arc<str>,
    server_key: Arc<str>,
    client_key: Arc<str>,
}

/// Which way a broadcast goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// By the feed, and nobody is looked for in the directory.
    FeedAlone,
    /// By the feed, and the directory is read for those who get it otherwise.
    Default,
    /// By pages, into each mailbox.
    Pages,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::FeedAlone, Self::Default, Self::Pages];

    /// Its name in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FeedAlone => "feed alone",
            Self::Default => "broadcast",
            Self::Pages => "by pages",
        }
    }
}

/// Another app on the same server.
pub(super) struct OtherApp {
    server_key: Arc<str>,
    /// Its devices, of which none is linked.
    devices: Vec<String>,
}

/// Whose process it is.
pub(super) enum Server {
    /// Ours: with a fresh data directory, and its doors wide open.
    Child {
        /// How it is run.
        command: Box<ServerCommand>,
        /// As it runs.
        process: Box<ServerProcess>,
    },
    /// Somebody else's; its use is known when its process is.
    Other(Option<u32>),
}

impl Target {
    pub(super) async fn start(arguments: &BenchArguments) -> Result<Self> {
        let Some(url) = &arguments.server else { return Self::start_child(arguments, Vec::new()).await };
        let admin = arguments.admin.admin_token.as_deref().context("--server needs --admin-token")?;
        let api = ApiClient::new(url, arguments.ca.as_deref())?;
        Self::with_app(api, admin, arguments.ca.clone(), Server::Other(arguments.server_pid)).await
    }

    /// A child, with further flags.
    pub(super) async fn start_child(arguments: &BenchArguments, flags: Vec<String>) -> Result<Self> {
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
        command.flags.extend(["--gateway-advertise-host".to_owned(), "127.0.0.1".to_owned()]);
        command.flags.extend(["--log-filter".to_owned(), "warn".to_owned()]);
        command.flags.extend(flags);
        let process = command.start().await?;
        let admin = process.admin_token.clone().context("the server printed no operator's token")?;
        let certificate = command.certificate();
        let api = ApiClient::new(&command.url(), Some(&certificate))?;
        let server = Server::Child { command: Box::new(command), process: Box::new(process) };
        Self::with_app(api, &admin, Some(certificate), server).await
    }

    async fn with_app(api: ApiClient, admin: &str, certificate: Option<PathBuf>, server: Server) -> Result<Self> {
        let app = create_app(&api, admin).await?;
        let (server_key, client_key) = (app.server_key.into(), app.client_key.into());
        Ok(Self { api, certificate, server, admin: admin.into(), server_key, client_key })
    }

    /// Another app with devices of its own.
    pub(super) async fn other_app(&self, devices: u32) -> Result<OtherApp> {
        let app = create_app(&self.api, &self.admin).await?;
        let request = RegisterDevice::new(PlatformName::Other);
        let one = |_| self.register_one(&app.client_key, &request);
        let registered: Vec<RegisteredDevice> =
            stream::iter(0..devices).map(one).buffer_unordered(REGISTRATIONS_IN_FLIGHT).try_collect().await?;
        let devices = registered.into_iter().map(|device| device.device_id).collect();
        Ok(OtherApp { server_key: app.server_key.into(), devices })
    }

    /// One push of the other app, to one of its devices.
    pub(super) async fn push_of(&self, other: &OtherApp, number: usize) -> Result<(), ClientError> {
        let device = other.devices[number % other.devices.len()].clone();
        let data = Map::from_iter([("filling".to_owned(), Value::from("x".repeat(FILLING)))]);
        let audience = AudienceRequest::devices([device]);
        let request = PushRequest { audience, data: Some(data), ..PushRequest::default() };
        let _: PushAccepted = self.api.push(&other.server_key, &uuid::Uuid::new_v4().to_string(), &request).await?;
        Ok(())
    }

    /// One push to everyone that nobody measures, by pages.
    pub(super) async fn broadcast(&self) -> Result<(), ClientError> {
        let data = Map::from_iter([("filling".to_owned(), Value::from("x".repeat(FILLING)))]);
        let options = Some(OptionsRequest { rate_per_second: Some(AS_FAST_AS_PAGES_GO), ..OptionsRequest::default() });
        let audience = AudienceRequest::all();
        let request = PushRequest { audience, data: Some(data), options, ..PushRequest::default() };
        let _: PushAccepted = self.api.push(&self.server_key, &uuid::Uuid::new_v4().to_string(), &request).await?;
        Ok(())
    }

    /// One push to everyone that goes this way.
    pub(super) async fn push_to_all(&self, way: Way, due: u64) -> Result<(), ClientError> {
        let options = match way {
            Way::FeedAlone => OptionsRequest {
                delivery: Some(DeliveryName::OwnOnly),
                quiet_hours: Some(QuietHoursName::Ignore),
                ..OptionsRequest::default()
            },
            Way::Default => OptionsRequest::default(),
            Way::Pages => OptionsRequest { rate_per_second: Some(AS_FAST_AS_PAGES_GO), ..OptionsRequest::default() },
        };
        self.push_as(AudienceRequest::all(), due, options).await
    }

    /// Writes to the store so far, of whatever kind; `None` = the server does not tell.
    pub(super) async fn store_writes(&self) -> Option<f64> {
        let metrics = self.api.get_text("/metrics").await.ok()?;
        let sum = metrics.lines().find_map(|line| line.strip_prefix("homing_store_commit_writes_sum "));
        sum?.trim().parse().ok()
    }

    /// What the server used so far; `None` = its process is not known.
    pub(super) fn usage(&self) -> Result<Option<Usage>> {
        match &self.server {
            Server::Child { process, .. } => Ok(Some(process.usage()?)),
            Server::Other(id) => Ok(id.map(Usage::of_process).transpose()?),
        }
    }

    /// Processor time in microseconds since `before`, per `things`.
    pub(super) fn cpu_since(&self, before: Option<Usage>, things: f64) -> Result<Option<f64>> {
        let after = self.usage()?;
        Ok(before.zip(after).map(|(before, after)| count(after.cpu_micros - before.cpu_micros) / things))
    }

    /// Waits until the server does nothing any more: its processor time stands still.
    pub(super) async fn quiet(&self) -> Result<()> {
        let Some(mut before) = self.usage()? else { return Ok(()) };
        loop {
            tokio::time::sleep(QUIET).await;
            let Some(now) = self.usage()? else { return Ok(()) };
            if now.cpu_micros - before.cpu_micros < QUIET_MICROS {
                return Ok(());
            }
            before = now;
        }
    }

    /// Registers devices, as many as the server takes at once.
    pub(super) async fn register(&self, devices: u32) -> Result<Vec<RegisteredDevice>> {
        let request = RegisterDevice::new(PlatformName::Other);
        let one = |_| self.register_one(&self.client_key, &request);
        stream::iter(0..devices).map(one).buffer_unordered(REGISTRATIONS_IN_FLIGHT).try_collect().await
    }

    /// Registers a device, waiting as long as the app's share of registrations is used up.
    pub(super) async fn register_one(&self, client_key: &str, request: &RegisterDevice) -> Result<RegisteredDevice> {
        loop {
            match self.api.post("/v1/devices", client_key, request).await {
                Err(ClientError::Refused { status, .. }) if status == http::StatusCode::TOO_MANY_REQUESTS => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                answer => return answer.map_err(Into::into),
            }
        }
    }

    /// Pushes a payload of about 256 bytes that carries the time at which it was due.
    pub(super) async fn push(&self, audience: AudienceRequest, due: u64) -> Result<(), ClientError> {
        self.push_with(audience, due, PriorityName::Normal).await
    }

    /// The same with a priority.
    pub(super) async fn push_with(
        &self,
        audience: AudienceRequest,
        due: u64,
        priority: PriorityName,
    ) -> Result<(), ClientError> {
        self.push_as(audience, due, OptionsRequest { priority: Some(priority), ..OptionsRequest::default() }).await
    }

    async fn push_as(&self, audience: AudienceRequest, due: u64, options: OptionsRequest) -> Result<(), ClientError> {
        let data = Map::from_iter([
            (SENT_AT.to_owned(), Value::from(due)),
            ("filling".to_owned(), Value::from("x".repeat(FILLING))),
        ]);
        let request = PushRequest { audience, data: Some(data), options: Some(options), ..PushRequest::default() };
        let key = uuid::Uuid::new_v4().to_string();
        let _: PushAccepted = self.api.push(&self.server_key, &key, &request).await?;
        Ok(())
    }

    /// Stops the server and removes its data, if it is ours.
    pub(super) async fn stop(self) -> Result<()> {
        if let Server::Child { command, mut process } = self.server {
            process.stop().await?;
            std::fs::remove_dir_all(&command.data_dir)?;
            std::fs::remove_file(command.output())?;
            std::fs::remove_file(command.logs())?;
        }
        Ok(())
    }
}

/// A rate that is no limit. A broadcast with a rate goes by pages into each mailbox, and not by the feed: what is measured
/// with it is work for each device.
const AS_FAST_AS_PAGES_GO: i64 = RATE_MAX_PER_SECOND as i64;

/// An app whose quota does not bind.
pub(super) async fn create_app(api: &ApiClient, admin: &str) -> Result<AppCreated> {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let id = format!("bench-{}", random.get(..8).unwrap_or_default());
    let request = CreateApp { id, quota_per_second: Some(1_000_000), ..CreateApp::default() };
    Ok(api.post("/v1/apps", admin, &request).await?)
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
