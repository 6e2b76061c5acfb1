//! The vendors: `homing vendors` as a process of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use homing::client::ApiClient;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::CHANNELS;
use crate::vendor_record::Pushed;

/// How long after a push its receipt comes.
const RECEIPTS_DELAY_MS: &str = "300";
/// The simulator asks nobody who they are.
const NO_TOKEN: &str = "none";
/// Lines of one look at the log.
const LINES: usize = 10_000;

/// The running simulator. It is killed when this is dropped.
pub(super) struct Played {
    child: Child,
    api: ApiClient,
    pub(super) url: String,
    pub(super) log: PathBuf,
}

impl Played {
    pub(super) async fn start(program: &Path, directory: &Path) -> Result<Self> {
        let log = directory.join("vendors.jsonl");
        std::fs::File::create(&log)?;
        let errors = std::fs::File::create(directory.join("vendors.log"))?;
        let mut child = Command::new(program)
            .args(["vendors", "--listen", "127.0.0.1:0", "--receipts-delay-ms", RECEIPTS_DELAY_MS, "--log"])
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("the simulator has no output")?;
        let Some(line) = BufReader::new(output).lines().next_line().await? else { bail!("the simulator ended") };
        let url = line.strip_prefix("vendors listen on ").context("the simulator does not say where it is")?.to_owned();
        Ok(Self { child, api: ApiClient::new(&url, None)?, url, log })
    }

    pub(super) async fn put(&self, vendor: &str, what: &str, body: &Value) -> Result<()> {
        let path = format!("/control/{vendor}/{what}");
        let _: Value = self.api.put(&path, NO_TOKEN, body).await.with_context(|| path.clone())?;
        Ok(())
    }

    /// Makes subscriptions of browsers, the first so many of them dead.
    pub(super) async fn subscriptions(&self, count: u32, dead: u32) -> Result<Vec<Value>> {
        let wanted = json!({ "count": count, "dead": dead });
        let made: Value = self.api.post("/control/webpush/subscriptions", NO_TOKEN, &wanted).await?;
        Ok(made["subscriptions"].as_array().cloned().unwrap_or_default())
    }

    /// What was counted, by channel.
    pub(super) async fn counts(&self) -> Result<BTreeMap<String, Value>> {
        Ok(self.api.get("/control/counts", NO_TOKEN).await?)
    }

    /// Pushes taken so far, of all vendors.
    pub(super) async fn accepted(&self) -> Result<u64> {
        Ok(self.counts().await?.values().filter_map(|counts| counts["accepted"].as_u64()).sum())
    }

    /// Pushes of one vendor after a line's number.
    pub(super) async fn pushes(&self, vendor: &str, after: u64) -> Result<Vec<Pushed>> {
        let path = format!("/control/log?vendor={vendor}&after={after}&limit={LINES}");
        let log: Value = self.api.get(&path, NO_TOKEN).await?;
        Ok(serde_json::from_value(log["lines"].clone())?)
    }

    /// The number of the newest line.
    pub(super) async fn newest_line(&self) -> Result<u64> {
        // Lines are numbered over all vendors, and each is one push that was taken.
        self.accepted().await
    }

    pub(super) async fn end(mut self) -> Result<PathBuf> {
        self.child.kill().await?;
        Ok(self.log)
    }

    /// What goes wrong at every vendor from the start.
    pub(super) async fn make_trouble(&self) -> Result<()> {
        for channel in CHANNELS {
            self.put(channel, "faults", &trouble(false)).await?;
        }
        Ok(())
    }
}

/// One request of ten is too fast, one receipt of five comes twice, and one of ten late.
pub(super) fn trouble(outage: bool) -> Value {
    json!({
        "throttle_share": 0.1, "duplicate_receipts_share": 0.2, "late_receipts_ms": 3_000, "late_receipts_share": 0.1,
        "outage": outage,
    })
}
