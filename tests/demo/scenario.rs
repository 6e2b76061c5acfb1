//! The demonstration from the empty directory to the checker's verdict.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use homing::client::ApiClient;
use homing::process::ServerCommand;
use homing_contract::http::v1::{AppCreated, BalanceView, CreateApp, HeartbeatView, IntervalView, MessageView};
use tokio::sync::{mpsc, oneshot};

use crate::fleet::Fleet;
use crate::publisher::{Letter, Publisher};
use crate::record::{Balance, Balances, Device, Published, read_lines};
use crate::server::{Deaths, Order, keep};

/// Messages in all.
pub(crate) const MESSAGES: usize = 2_000;
/// Messages between two looks at the devices: while a device is away its mailbox (64 entries) must hold its share.
const CHUNK: usize = 200;
/// A chunk arrives everywhere within this, restarts and reconnects included.
const ARRIVED_WITHIN: Duration = Duration::from_secs(60);
/// All balances are closed within this after the last message arrived.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Over QUIC a device learns only at its next heartbeat that a server was killed. In the field that is a minute; here
/// somebody waits.
const HEARTBEAT: HeartbeatView = HeartbeatView {
    quic: IntervalView { initial_ms: 1_500, minimum_ms: 1_000, maximum_ms: 2_000 },
    tcp: IntervalView { initial_ms: 4_000, minimum_ms: 4_000, maximum_ms: 8_000 },
    idle_factor_percent: 150,
};

/// What happened, beside the logs.
pub(crate) struct Outcome {
    pub(crate) deaths: Deaths,
    pub(crate) links_dropped: usize,
    pub(crate) device_restarts: u32,
    pub(crate) verdict: ExitStatus,
}

pub(crate) struct Scenario {
    program: PathBuf,
    directory: PathBuf,
    command: ServerCommand,
    api: ApiClient,
    orders: mpsc::Sender<Order>,
    fleet: Fleet,
    publisher: Publisher,
    server_key: String,
}

impl Scenario {
    /// Starts the server in a fresh directory and everything that the messages need.
    pub(crate) async fn prepare(directory: &Path) -> Result<Self> {
        // Read once: a build that replaces the program while this runs must not matter.
        let program = std::env::current_exe()?;
        let mut command = ServerCommand::local(sibling(&program, "homing")?, directory.join("data"))?;
        command.flags = vec!["--log-format".into(), "json".into()];
        let server = command.start().await?;
        let admin = server.admin_token.clone().context("the first start printed no operator's token")?;
        let api = ApiClient::new(&command.url(), Some(&command.certificate()))?;
        let _: serde_json::Value = api.put("/v1/settings/heartbeat", &admin, &HEARTBEAT).await?;
        let request = CreateApp { id: "demo".to_owned(), name: None, quota_per_second: None, heartbeat: None };
        let app: AppCreated = api.post("/v1/apps", &admin, &request).await?;
        let keys = (&*app.server_key, &*app.client_key);
        let mut fleet = Fleet::register(&api, keys, directory, command.gateway.port(), &command.certificate()).await?;
        fleet.start(&program).await?;
        let publisher = Publisher::new(api.clone(), &app.server_key, &directory.join("publisher.log"))?;
        let (orders, receiver) = mpsc::channel(1);
        tokio::spawn({
            let command = command.clone();
            async move {
                if let Err(error) = keep(command, server, receiver).await {
                    crate::say(format!("the server is lost: {error:#}"));
                }
            }
        });
        Ok(Self {
            program,
            directory: directory.to_owned(),
            command,
            api,
            orders,
            fleet,
            publisher,
            server_key: app.server_key,
        })
    }

    /// Sends everything, with disasters on the way, and lets the checker judge.
    pub(crate) async fn run(mut self) -> Result<Outcome> {
        let ids: Vec<String> = self.fleet.devices.iter().map(|device| device.device_id.clone()).collect();
        let mut links_dropped = 0;
        for (chunk, first) in (0..MESSAGES).step_by(CHUNK).enumerate() {
            let letters: Vec<_> =
                (first..first + CHUNK).map(|number| Letter::numbered(number, &ids, &self.fleet.users)).collect();
            let sending = tokio::spawn({
                let publisher = self.publisher.clone();
                async move { publisher.send_all(letters).await }
            });
            match chunk {
                // From here on each restart has its drill.
                1 => self.kill_server().await?,
                4 => links_dropped = self.fleet.drop_links().await?,
                6 => self.fleet.kill_one().await?,
                _ => {}
            }
            sending.await??;
            self.arrived(first + CHUNK).await?;
        }
        let balances = self.settled().await?;
        std::fs::write(self.directory.join("balances.json"), serde_json::to_vec(&balances)?)?;
        self.fleet.stop().await?;
        let device_restarts = self.fleet.restarts;
        let deaths = self.stop_server().await?;
        let verdict = self.check().await?;
        Ok(Outcome { deaths, links_dropped, device_restarts, verdict })
    }

    async fn kill_server(&self) -> Result<()> {
        let (done, killed) = oneshot::channel();
        self.orders.send(Order::Kill(done)).await.context("the server is lost")?;
        killed.await.context("the server is lost")
    }

    async fn stop_server(&self) -> Result<Deaths> {
        let (done, stopped) = oneshot::channel();
        self.orders.send(Order::Stop(done)).await.context("the server is lost")?;
        stopped.await.context("the server is lost")
    }

    /// Waits until everything sent so far is in the devices' logs. Only a wait: whether it is right, the checker says.
    async fn arrived(&mut self, sent: usize) -> Result<()> {
        let lines: Vec<Published> = read_lines(&self.directory.join("publisher.log"))?;
        let wanted = expected_per_device(&lines, &self.fleet.devices);
        let waited = tokio::time::timeout(ARRIVED_WITHIN, async {
            loop {
                self.fleet.revive(&self.program).await?;
                if self.fleet.logged()?.iter().zip(&wanted).all(|(logged, wanted)| logged >= wanted) {
                    return anyhow::Ok(());
                }
                // sleep: other processes write these logs.
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        match waited.await {
            Ok(arrived) => arrived?,
            Err(_) => crate::say(format!(
                "after {} s not everything arrived: {:?} of {wanted:?}",
                ARRIVED_WITHIN.as_secs(),
                self.fleet.logged()?
            )),
        }
        crate::say(format!("{sent} messages sent, {} deliveries logged", self.fleet.logged()?.iter().sum::<usize>()));
        Ok(())
    }

    /// The server's balances once nothing is pending, or as they are when time is up: the checker will say so.
    async fn settled(&self) -> Result<Balances> {
        let lines: Vec<Published> = read_lines(&self.directory.join("publisher.log"))?;
        let ids = lines.iter().filter_map(|line| match line {
            Published::Answered { message_id, .. } => Some(message_id.clone()),
            _ => None,
        });
        let mut balances: Balances = ids.map(|id| (id, Balance { pending: 1, ..Balance::default() })).collect();
        let asked = tokio::time::timeout(SETTLED_WITHIN, async {
            loop {
                let open: Vec<_> =
                    balances.iter().filter(|(_, balance)| balance.pending != 0).map(|(id, _)| id.clone()).collect();
                if open.is_empty() {
                    return;
                }
                for id in open {
                    let path = format!("/v1/messages/{id}");
                    // No answer while the server restarts: asked again in the next round.
                    if let Ok(view) = self.api.get::<MessageView>(&path, &self.server_key).await {
                        balances.insert(id, balance(&view.balance));
                    }
                }
                // sleep: receipts are counted behind the scenes.
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        if asked.await.is_err() {
            crate::say("some balances did not close in time".to_owned());
        }
        Ok(balances)
    }

    async fn check(&self) -> Result<ExitStatus> {
        let devices = self.directory.join("devices.json");
        std::fs::write(&devices, serde_json::to_vec_pretty(&self.fleet.devices)?)?;
        let mut checker = tokio::process::Command::new(sibling(&self.program, "homing-check")?);
        checker.arg(self.directory.join("publisher.log")).arg(devices).arg(self.directory.join("balances.json"));
        checker.status().await.context("the checker cannot be started")
    }

    /// Where the server's logs are.
    pub(crate) fn server_logs(&self) -> PathBuf {
        self.command.logs()
    }
}

/// How many messages the publisher's log has for each device, in the order of the devices.
fn expected_per_device(lines: &[Published], devices: &[Device]) -> Vec<usize> {
    let mut audiences = BTreeMap::new();
    for line in lines {
        if let Published::Request { key, audience, .. } = line {
            audiences.insert(key, audience);
        }
    }
    let is_for = |device: &Device| audiences.values().filter(|audience| audience.is_for(device)).count();
    devices.iter().map(is_for).collect()
}

const fn balance(view: &BalanceView) -> Balance {
    Balance {
        targeted: view.targeted,
        delivered: view.delivered,
        handed_off: view.handed_off,
        expired: view.expired,
        failed: view.failed,
        recalled: view.recalled,
        suppressed: view.suppressed,
        cancelled: view.cancelled,
        pending: view.pending,
    }
}

/// A program that was built beside this one.
fn sibling(program: &Path, name: &str) -> Result<PathBuf> {
    let path = program.with_file_name(name);
    if path.exists() { Ok(path) } else { bail!("{} is missing: build it first (make demo does)", path.display()) }
}
