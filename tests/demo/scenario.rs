//! The demonstration on one machine, from the empty directory to the checker's verdict.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context as _, Result};
use homing::client::ApiClient;
use homing::process::ServerCommand;
use homing_contract::http::v1::{AppCreated, CreateApp};
use tokio::sync::{mpsc, oneshot};

use crate::field::{Field, HEARTBEAT, sibling};
use crate::fleet::{Fleet, Surroundings};
use crate::publisher::Publisher;
use crate::server::{Deaths, Order, keep};

/// Messages in all.
pub(crate) const MESSAGES: usize = 2_000;
/// Messages between two looks at the devices: while a device is away its mailbox (64 entries) must hold its share.
const CHUNK: usize = 200;

/// What happened, beside the logs.
pub(crate) struct Outcome {
    pub(crate) deaths: Deaths,
    pub(crate) links_dropped: usize,
    pub(crate) device_restarts: u32,
    pub(crate) verdict: ExitStatus,
}

pub(crate) struct Scenario {
    command: ServerCommand,
    orders: mpsc::Sender<Order>,
    field: Field,
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
        let request = CreateApp { id: "demo".to_owned(), ..CreateApp::default() };
        let app: AppCreated = api.post("/v1/apps", &admin, &request).await?;
        let keys = (&*app.server_key, &*app.client_key);
        let certificate = command.certificate();
        let around = Surroundings { directory, router: None, port: command.gateway.port(), certificate: &certificate };
        let mut fleet = Fleet::register(&api, keys, &around).await?;
        fleet.start(&program).await?;
        let publisher = Publisher::new(api.clone(), &app.server_key, &Field::publisher_log(directory))?;
        let (orders, receiver) = mpsc::channel(1);
        tokio::spawn({
            let (command, publisher) = (command.clone(), publisher.clone());
            async move {
                if let Err(error) = keep(command, server, receiver, publisher).await {
                    crate::say(format!("the server is lost: {error:#}"));
                }
            }
        });
        let directory = directory.to_owned();
        let field = Field { program, directory, api, fleet, publisher, server_key: app.server_key };
        Ok(Self { command, orders, field })
    }

    /// Sends everything, with disasters on the way, and lets the checker judge.
    pub(crate) async fn run(mut self) -> Result<Outcome> {
        let mut links_dropped = 0;
        for (chunk, first) in (0..MESSAGES).step_by(CHUNK).enumerate() {
            let sending = self.field.send(first..first + CHUNK);
            match chunk {
                // From here on each restart has its drill.
                1 => self.kill_server().await?,
                4 => links_dropped = self.field.drop_links().await?,
                6 => self.field.kill_a_device().await?,
                _ => {}
            }
            sending.await??;
            self.field.arrived(first + CHUNK).await?;
        }
        self.field.write_balances().await?;
        self.field.fleet.stop().await?;
        let device_restarts = self.field.fleet.restarts;
        let deaths = self.stop_server().await?;
        let verdict = self.field.check().await?;
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

    /// Where the server's logs are.
    pub(crate) fn server_logs(&self) -> PathBuf {
        self.command.logs()
    }
}
