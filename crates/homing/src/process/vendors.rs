//! `homing vendors` as a child process: vendors to measure against, and to set up.

mod accounts;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use homing_vendor_simulator::{Counts, Faults};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub use accounts::{Account, accounts};

use crate::client::{ApiClient, ClientError};

/// It only opens a port: whoever needs longer has failed.
const UP_WITHIN: Duration = Duration::from_secs(20);
/// The simulator asks nobody who they are.
const NO_TOKEN: &str = "none";
/// Subscriptions that it makes at once.
const SUBSCRIPTIONS_AT_ONCE: u32 = 2_000;

/// How to run the vendors.
#[derive(Clone, Debug)]
pub struct VendorsCommand {
    /// The `homing` program.
    pub program: PathBuf,
    /// Every push that is taken is a line here.
    pub log: PathBuf,
    /// How long after a push its receipt is posted.
    pub receipts_delay: Duration,
    /// Certificate chain and private key (PEM): they speak TLS, and HTTP/2 with whoever does. `None` = plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// Vendors that run as a child. It is killed when this is dropped.
#[derive(Debug)]
pub struct VendorsProcess {
    child: Child,
    id: u32,
    api: ApiClient,
    /// Their base URL, without a vendor's name.
    pub url: String,
}

impl VendorsCommand {
    /// Starts them on a free port of the loopback address, and waits until they listen.
    ///
    /// # Errors
    /// When they cannot be started, end, or do not listen in time.
    pub async fn start(&self) -> io::Result<VendorsProcess> {
        let mut command = Command::new(&self.program);
        let delay = self.receipts_delay.as_millis().to_string();
        command.args(["vendors", "--listen", "127.0.0.1:0", "--receipts-delay-ms", &delay, "--log"]).arg(&self.log);
        if let Some((certificate, key)) = &self.tls {
            command.arg("--tls-certificate").arg(certificate).arg("--tls-key").arg(key);
        }
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let ended = || io::Error::other("the vendors ended at once");
        let (id, output) = (child.id().ok_or_else(ended)?, child.stdout.take().ok_or_else(ended)?);
        let mut lines = BufReader::new(output).lines();
        let greeting = tokio::time::timeout(UP_WITHIN, lines.next_line()).await;
        let greeting = greeting.map_err(|_| io::Error::other("the vendors did not come up"))??;
        let url = greeting.as_deref().and_then(|line| line.strip_prefix("vendors listen on ")).ok_or_else(ended)?;
        let trusted = self.tls.as_ref().map(|(certificate, _)| certificate.as_path());
        let api = client(url, trusted)?;
        Ok(VendorsProcess { child, id, api, url: url.to_owned() })
    }
}

fn client(url: &str, trusted: Option<&Path>) -> io::Result<ApiClient> {
    ApiClient::new(url, trusted).map_err(io::Error::other)
}

impl VendorsProcess {
    /// Its process id.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Lets a vendor know a credential.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn put_credential(&self, vendor: &str, known: &Value) -> Result<(), ClientError> {
        self.put(vendor, "credentials", known).await
    }

    /// Says what goes wrong at a vendor from now on.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn put_faults(&self, vendor: &str, faults: Faults) -> Result<(), ClientError> {
        self.put(vendor, "faults", &json!(faults)).await
    }

    async fn put(&self, vendor: &str, what: &str, body: &Value) -> Result<(), ClientError> {
        let _: Value = self.api.put(&format!("/control/{vendor}/{what}"), NO_TOKEN, body).await?;
        Ok(())
    }

    /// What was counted, by vendor.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn counts(&self) -> Result<BTreeMap<String, Counts>, ClientError> {
        self.api.get("/control/counts", NO_TOKEN).await
    }

    /// Makes subscriptions of browsers.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn subscriptions(&self, count: u32) -> Result<Vec<Value>, ClientError> {
        let mut all = Vec::new();
        while let missing @ 1.. = count.saturating_sub(u32::try_from(all.len()).unwrap_or(u32::MAX)) {
            let wanted = json!({ "count": missing.min(SUBSCRIPTIONS_AT_ONCE) });
            let made: Value = self.api.post("/control/webpush/subscriptions", NO_TOKEN, &wanted).await?;
            match made["subscriptions"].as_array() {
                Some(made) if !made.is_empty() => all.extend(made.iter().cloned()),
                _ => break,
            }
        }
        Ok(all)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn end(mut self) -> io::Result<()> {
        self.child.kill().await
    }
}
