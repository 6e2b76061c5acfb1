//! What both runs of the demonstration share: the devices, the publisher, and the wait until everything has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use homing::client::ApiClient;
use homing_contract::http::v1::{BalanceView, HeartbeatView, IntervalView, MessageView};
use tokio::task::JoinHandle;

use crate::fleet::Fleet;
use crate::publisher::{Letter, Publisher};
use crate::record::{Balance, Balances, Device, Published, read_lines};

/// A chunk arrives everywhere within this, restarts, reconnects and a schedule's lead included.
const ARRIVED_WITHIN: Duration = Duration::from_secs(120);
/// All balances are closed within this after the last message arrived.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);
/// A broadcast by the feed never has anything pending, and its numbers come after a device has heard it: an
/// acknowledgement travels with a delay of 100 ms and is counted within a second. Numbers that stand still for so long
/// are the last ones.
const COUNTED_WITHIN: Duration = Duration::from_secs(3);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Over QUIC a device learns only at its next heartbeat that a server was killed. In the field that is a minute; here
/// somebody waits.
pub(crate) const HEARTBEAT: HeartbeatView = HeartbeatView {
    quic: IntervalView { initial_ms: 1_500, minimum_ms: 1_000, maximum_ms: 2_000 },
    tcp: IntervalView { initial_ms: 4_000, minimum_ms: 4_000, maximum_ms: 8_000 },
    idle_factor_percent: 150,
};

/// The devices of an app, and who sends to them.
pub(crate) struct Field {
    /// This program: devices run as processes of it.
    pub(crate) program: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) api: ApiClient,
    pub(crate) fleet: Fleet,
    pub(crate) publisher: Publisher,
    pub(crate) server_key: String,
}

impl Field {
    /// Where the publisher writes what it asked and was answered.
    pub(crate) fn publisher_log(directory: &Path) -> PathBuf {
        directory.join("publisher.log")
    }

    /// Sends the letters of these numbers, in a task of its own.
    pub(crate) fn send(&self, numbers: Range<usize>) -> JoinHandle<Result<()>> {
        let ids: Vec<String> = self.fleet.devices.iter().map(|device| device.device_id.clone()).collect();
        let letters = numbers.map(|number| Letter::numbered(number, &ids, &self.fleet.users)).collect();
        let publisher = self.publisher.clone();
        tokio::spawn(async move { publisher.send_all(letters).await })
    }

    /// Breaks every link without a word; how many there were.
    pub(crate) async fn drop_links(&mut self) -> Result<usize> {
        let dropped = self.fleet.drop_links().await?;
        self.publisher.note_cut_off()?;
        Ok(dropped)
    }

    /// Kills the process of a device.
    pub(crate) async fn kill_a_device(&mut self) -> Result<()> {
        self.fleet.kill_one().await?;
        self.publisher.note_cut_off()
    }

    /// Waits until all balances are closed, and writes them down for the checker.
    pub(crate) async fn write_balances(&self) -> Result<()> {
        let balances = self.settled().await?;
        Ok(std::fs::write(self.directory.join("balances.json"), serde_json::to_vec(&balances)?)?)
    }

    /// Waits until everything sent so far is in the devices' logs. Only a wait: whether it is right, the checker says.
    pub(crate) async fn arrived(&mut self, sent: usize) -> Result<()> {
        let lines: Vec<Published> = read_lines(&Self::publisher_log(&self.directory))?;
        let wanted = expected_per_device(&lines, &self.fleet.devices);
        let waited = tokio::time::timeout(ARRIVED_WITHIN, async {
            loop {
                if self.fleet.revive(&self.program).await? > 0 {
                    self.publisher.note_cut_off()?;
                }
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

    /// The server's balances once nothing is pending and no count is behind, or as they are when time is up: the checker
    /// will say so.
    async fn settled(&self) -> Result<Balances> {
        let lines: Vec<Published> = read_lines(&Self::publisher_log(&self.directory))?;
        let ids = lines.iter().filter_map(|line| match line {
            Published::Answered { message_id, .. } => Some(message_id.clone()),
            _ => None,
        });
        let mut open: BTreeSet<String> = ids.collect();
        let mut balances: Balances =
            open.iter().map(|id| (id.clone(), Balance { pending: 1, ..Balance::default() })).collect();
        let mut by_feed = BTreeSet::new();
        let asked = tokio::time::timeout(SETTLED_WITHIN, async {
            loop {
                let all_were_closed = open.is_empty();
                let round = if all_were_closed { by_feed.clone() } else { open.clone() };
                let mut has_changed = false;
                for id in round {
                    let path = format!("/v1/messages/{id}");
                    // No answer while the server restarts: asked again in the next round.
                    let Ok(view) = self.api.get::<MessageView>(&path, &self.server_key).await else {
                        has_changed = true;
                        continue;
                    };
                    let balance = balance(&view.balance);
                    if balance.pending == 0 {
                        open.remove(&id);
                    }
                    if view.approximate {
                        by_feed.insert(id.clone());
                    }
                    has_changed |= balances.insert(id, balance) != Some(balance);
                }
                if all_were_closed && !has_changed {
                    return;
                }
                // sleep: receipts are counted behind the scenes.
                tokio::time::sleep(if open.is_empty() { COUNTED_WITHIN } else { LOOK_EVERY }).await;
            }
        });
        if asked.await.is_err() {
            crate::say("some balances did not close in time".to_owned());
        }
        Ok(balances)
    }

    pub(crate) async fn check(&self) -> Result<ExitStatus> {
        let devices = self.directory.join("devices.json");
        std::fs::write(&devices, serde_json::to_vec_pretty(&self.fleet.devices)?)?;
        let mut checker = tokio::process::Command::new(sibling(&self.program, "homing-check")?);
        checker.arg(Self::publisher_log(&self.directory)).arg(devices).arg(self.directory.join("balances.json"));
        checker.status().await.context("the checker cannot be started")
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
pub(crate) fn sibling(program: &Path, name: &str) -> Result<PathBuf> {
    let path = program.with_file_name(name);
    if path.exists() { Ok(path) } else { bail!("{} is missing: build it first (make demo does)", path.display()) }
}
