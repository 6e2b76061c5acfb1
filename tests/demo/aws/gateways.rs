//! Gateways as processes of their own.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use homing::client::{ApiClient, ClientError};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::deployment::Deployment;

/// A gateway takes its lease and answers within this.
const UP_WITHIN: Duration = Duration::from_secs(30);
/// A stopped one is gone within this.
const GONE_WITHIN: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One gateway: its address and server id stay, its processes come and go.
pub(crate) struct Gateway {
    program: PathBuf,
    directory: PathBuf,
    variables: Vec<(String, String)>,
    flags: Vec<String>,
    pub(crate) links: SocketAddr,
    admin: ApiClient,
    process: Option<Child>,
}

impl Gateway {
    /// Prepares the `number`-th, on free ports of the loopback address.
    pub(crate) fn new(number: usize, program: PathBuf, directory: &Path, deployment: &Deployment) -> Result<Self> {
        let free = || -> Result<TcpListener> { Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?) };
        // Both are held at once, so that they differ.
        let (links, admin) = (free()?, free()?);
        let (links, admin) = (links.local_addr()?, admin.local_addr()?);
        let directory = directory.join(format!("gateway-{number}"));
        std::fs::create_dir_all(&directory)?;
        // As on an instance: the names from the template, the secret from its place, no credentials of a person.
        let mut variables: Vec<_> = deployment.names.clone().into_iter().collect();
        variables
            .retain(|(name, _)| !matches!(name.as_str(), "HOMING_ADMIN_TOKEN" | "HOMING_API_ID" | "HOMING_API_URL"));
        let credentials = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
        variables.extend(credentials.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let certificate = certificate(&directory)?;
        let flags = [
            ("--listen", links.to_string()),
            ("--advertise-host", links.ip().to_string()),
            ("--admin-listen", admin.to_string()),
            ("--state-dir", directory.display().to_string()),
            ("--certificate", certificate.display().to_string()),
            ("--key", directory.join("../key.pem").display().to_string()),
            ("--region", "here".to_owned()),
            ("--log-format", "json".to_owned()),
            ("--handshakes-per-address-per-second", "2000".to_owned()),
            // The emulator answers a few hundred calls a second.
            ("--store-calls", "24".to_owned()),
        ];
        let flags = flags.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
        let admin = ApiClient::new(&format!("http://{admin}"), None)?;
        Ok(Self { program, directory, variables, flags, links, admin, process: None })
    }

    /// Starts a process and waits until devices are welcome.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let logs = OpenOptions::new().create(true).append(true).open(self.directory.join("gateway.log"))?;
        let mut command = Command::new(&self.program);
        command.args(&self.flags).envs(self.variables.clone()).stdin(Stdio::null()).stdout(logs.try_clone()?);
        self.process = Some(command.stderr(logs).kill_on_drop(true).spawn().context("homing-gateway")?);
        let ready = async {
            while !self.is_ready().await {
                // sleep: another process comes up, and says so only when asked.
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(UP_WITHIN, ready)
            .await
            .with_context(|| format!("a gateway is not ready: {}", self.directory.join("gateway.log").display()))
    }

    async fn is_ready(&self) -> bool {
        // The answer is a plain word.
        matches!(self.admin.get::<Value>("/readyz", "").await, Ok(_) | Err(ClientError::NotJson(_)))
    }

    /// Ends it without a word.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => Ok(process.kill().await?),
            None => bail!("the gateway does not run"),
        }
    }

    /// Asks its devices to move within so many seconds.
    pub(crate) async fn drain(&self, spread_seconds: u64) -> Result<()> {
        let _: Value = self.admin.post("/drain", "", &json!({ "spread_seconds": spread_seconds })).await?;
        Ok(())
    }

    /// Links that it holds.
    pub(crate) async fn links(&self) -> Result<u64> {
        let stats: Value = self.admin.get("/stats", "").await?;
        stats.get("links").and_then(Value::as_u64).context("/stats names no links")
    }

    /// Waits until it holds none.
    pub(crate) async fn emptied(&self, within: Duration) -> Result<()> {
        let empty = async {
            while self.links().await? > 0 {
                // sleep: devices leave one by one.
                tokio::time::sleep(LOOK_EVERY).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(within, empty).await.context("devices stay at a draining gateway")?
    }

    /// Stops it as a deployment does, by SIGTERM; whether it ended in peace.
    pub(crate) async fn stop(&mut self) -> Result<bool> {
        let Some(mut process) = self.process.take() else { bail!("the gateway does not run") };
        let id = process.id().context("the gateway ended by itself")?;
        let told = Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        let ended = tokio::time::timeout(GONE_WITHIN, process.wait()).await.context("the gateway does not stop")??;
        Ok(told.success() && ended.success())
    }
}

/// The certificate of all gateways of this run, made by the first: what devices trust.
pub(crate) fn certificate(gateway: &Path) -> Result<PathBuf> {
    let directory = gateway.parent().context("a gateway's directory lies in the run's")?;
    let path = directory.join("certificate.pem");
    if !path.exists() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        std::fs::write(&path, made.cert.pem())?;
        std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem())?;
    }
    Ok(path)
}
