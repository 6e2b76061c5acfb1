//! Thousands of links that leave a gateway: in peace when it drains, at once when it is killed. Says how many devices came
//! back in each second, and whether each of them saw each message once.

use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing::client::ApiClient;
use homing::link::{self, ApiRouter};
use homing_contract::http::v1::{
    AppCreated, HeartbeatView, IntervalView, PlatformName, PushAccepted, RegisterDevice, RegisteredDevice,
};
use homing_device_sdk::{Device, MemoryState, Preference, Route, Router, Transport, Transports};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::deployment::Deployment;
use super::gateways::{Gateway, certificate};
use super::tally::Tally;
use crate::field::sibling;

/// Links that move.
const LINKS: usize = 2_000;
/// Registrations and handshakes under way at the same time.
const IN_FLIGHT: usize = 16;
/// Over which devices leave the draining gateway.
const SPREAD_SECONDS: u64 = 60;
/// All have moved, or are back, within this.
const MOVED_WITHIN: Duration = Duration::from_secs(180);
/// What was sent meanwhile has arrived within this.
const ARRIVED_WITHIN: Duration = Duration::from_secs(120);
/// Devices that one request may name.
const NAMED_MAX: usize = 1_000;
/// An answer of the router is shared by all devices for so long: what the emulator's functions answer per second is no
/// measure of anything.
const ROUTE_KEPT_FOR: Duration = Duration::from_millis(500);

/// A device notices a killed gateway at its next heartbeat.
const HEARTBEAT: HeartbeatView = HeartbeatView {
    quic: IntervalView { initial_ms: 10_000, minimum_ms: 10_000, maximum_ms: 12_000 },
    tcp: IntervalView { initial_ms: 10_000, minimum_ms: 10_000, maximum_ms: 12_000 },
    idle_factor_percent: 150,
};

/// Deploys, links the devices, drains one gateway, kills the other.
pub(crate) async fn drain_and_crash(directory: &Path) -> Result<ExitCode> {
    let deployment = Deployment::start(&[], None).await?;
    let program = std::env::current_exe()?;
    let gateway = |number| Gateway::new(number, sibling(&program, "homing-gateway")?, directory, &deployment);
    let (mut one, mut two) = (gateway(0)?, gateway(1)?);
    one.start().await?;
    let crowd = Crowd::link(&deployment, directory, one.links.port()).await?;
    crate::say(format!("{} links at one gateway", one.links().await?));
    two.start().await?;
    crowd.drained(&one).await?;
    crate::say(format!("afterwards: {} links there, {} here", one.links().await?, two.links().await?));
    ensure!(one.stop().await?, "the drained gateway did not end in peace");
    one.start().await?;
    crowd.crashed(&mut two).await?;
    let closes = crowd.tally.each_saw_each_once(crowd.devices.len());
    crowd.leave().await;
    crate::say(if closes { "aws-drain: passed" } else { "aws-drain: FAILED" }.to_owned());
    Ok(if closes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Crowd {
    api: ApiClient,
    server_key: String,
    devices: Vec<Device>,
    ids: Vec<String>,
    tally: Arc<Tally>,
}

impl Crowd {
    async fn link(deployment: &Deployment, directory: &Path, port: u16) -> Result<Self> {
        let (api, admin) = (deployment.api()?, deployment.name("HOMING_ADMIN_TOKEN")?);
        let _: Value = api.put("/v1/settings/heartbeat", admin, &HEARTBEAT).await?;
        let app: AppCreated = api.post("/v1/apps", admin, &json!({ "id": "crowd" })).await?;
        let request = RegisterDevice::new(PlatformName::Other);
        let register = |_| api.post("/v1/devices", &app.client_key, &request);
        let registered: Vec<RegisteredDevice> =
            stream::iter(0..LINKS).map(register).buffered(IN_FLIGHT).try_collect().await?;
        let trust = link::trust(Some(&certificate(&directory.join("gateway-0"))?))?;
        let transports = Transports::new(trust)?;
        let router = SharedRouter::new(ApiRouter::new(api.clone(), registered.first().context("no devices")?));
        let tally = Arc::new(Tally::default());
        let ids = registered.iter().map(|device| device.device_id.clone()).collect();
        let one = |(number, registered): (usize, RegisteredDevice)| {
            let (transports, router, tally) = (Arc::clone(&transports), router.clone(), Arc::clone(&tally));
            async move {
                let transport = if number % 2 == 0 { Transport::Quic } else { Transport::Tcp };
                let (device, inbox) = Device::builder(link::identity(&registered)?, Route::new("127.0.0.1", port))
                    .router(router)
                    .transports(transports)
                    .preference(Preference::Only(transport))
                    .start(MemoryState::new())
                    .await?;
                tokio::spawn(Arc::clone(&tally).hear(number, inbox));
                tokio::spawn(tally.watch(device.status()));
                anyhow::ensure!(device.wait_for(homing_device_sdk::Status::is_connected).await, "a device stopped");
                anyhow::Ok(device)
            }
        };
        let devices =
            stream::iter(registered.into_iter().enumerate()).map(one).buffered(IN_FLIGHT).try_collect().await?;
        Ok(Self { api, server_key: app.server_key, devices, ids, tally })
    }

    /// One message to every device; returns before it has arrived.
    async fn push(&self, text: &str) -> Result<()> {
        for (part, ids) in self.ids.chunks(NAMED_MAX).enumerate() {
            let request = json!({ "audience": { "devices": ids }, "data": { "text": text } });
            let _: PushAccepted = self.api.push(&self.server_key, &format!("{text}-{part}"), &request).await?;
        }
        self.tally.expect_one_more();
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a main that measures")]
    async fn drained(&self, gateway: &Gateway) -> Result<()> {
        let began = Instant::now();
        self.tally.start_counting();
        self.push("before").await?;
        gateway.drain(SPREAD_SECONDS).await?;
        self.push("during").await?;
        gateway.emptied(MOVED_WITHIN).await?;
        crate::say(format!("drained in {:.1} s (spread {SPREAD_SECONDS} s)", began.elapsed().as_secs_f64()));
        self.tally.all_arrived(self.devices.len(), ARRIVED_WITHIN).await?;
        crate::say(format!("everything sent meanwhile arrived after {:.1} s", began.elapsed().as_secs_f64()));
        crate::say(format!("links per second: {}", self.tally.links_per_second()));
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a main that measures")]
    async fn crashed(&self, gateway: &mut Gateway) -> Result<()> {
        self.tally.start_counting();
        gateway.kill().await?;
        let began = Instant::now();
        self.push("after the crash").await?;
        self.tally.links_reach(self.devices.len(), MOVED_WITHIN).await?;
        crate::say(format!("killed; all devices were back after {:.1} s", began.elapsed().as_secs_f64()));
        self.tally.all_arrived(self.devices.len(), ARRIVED_WITHIN).await?;
        crate::say(format!("everything sent meanwhile arrived after {:.1} s", began.elapsed().as_secs_f64()));
        crate::say(format!("links per second: {}", self.tally.links_per_second()));
        Ok(())
    }

    async fn leave(&self) {
        stream::iter(&self.devices).for_each_concurrent(IN_FLIGHT, Device::close).await;
    }
}

/// When it was given, and what it says.
type Answer = (Instant, Option<Vec<Route>>);

/// One answer for all devices.
#[derive(Clone)]
struct SharedRouter {
    router: Arc<ApiRouter>,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl SharedRouter {
    fn new(router: ApiRouter) -> Self {
        Self { router: Arc::new(router), answer: Arc::default() }
    }
}

impl Router for SharedRouter {
    fn routes(&self) -> Pin<Box<dyn Future<Output = Option<Vec<Route>>> + Send + '_>> {
        Box::pin(async {
            let mut answer = self.answer.lock().await;
            match &*answer {
                Some((at, routes)) if at.elapsed() < ROUTE_KEPT_FOR => routes.clone(),
                _ => {
                    let routes = self.router.routes().await;
                    #[expect(clippy::disallowed_methods, reason = "a main that measures")]
                    let now = Instant::now();
                    *answer = Some((now, routes.clone()));
                    routes
                }
            }
        })
    }
}
