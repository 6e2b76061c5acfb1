//! The devices: `homing simulate` as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::scenario::{MUTED, Size, VIP};
use crate::crowd_record::Simulated;
use crate::record::read_lines;

/// A running crowd.
pub(super) struct Crowd {
    child: Child,
    directory: PathBuf,
    /// Everyone who is registered.
    pub(super) devices: Vec<Simulated>,
}

impl Crowd {
    /// Starts it and waits until all links are up.
    pub(super) async fn start(program: &Path, directory: &Path, server: &str, ca: &Path, size: Size) -> Result<Self> {
        let logs = std::fs::File::create(directory.join("simulate.log"))?;
        let mut child = Command::new(program)
            .arg("simulate")
            .args(["--server", server, "--app", "demo"])
            .arg("--ca")
            .arg(ca)
            .arg("--profile")
            .arg(directory.join("profile.json"))
            .arg("--directory")
            .arg(directory)
            .args(["--devices", &size.devices.to_string(), "--links", &size.links.to_string()])
            .args(["--users", &size.users.to_string()])
            .args(["--tag", &format!("{VIP}:50"), "--tag", &format!("{MUTED}:100")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(logs)
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("the crowd has no output")?;
        let mut lines = BufReader::new(output).lines();
        loop {
            match lines.next_line().await? {
                Some(line) if line.starts_with("ready") => break crate::say(line),
                Some(_) => {}
                None => bail!("the crowd ended: see {}", directory.join("simulate.log").display()),
            }
        }
        let devices = read_lines(&directory.join("devices.jsonl"))?;
        Ok(Self { child, directory: directory.to_owned(), devices })
    }

    /// Live devices among those that `is_for` says.
    pub(super) fn live(&self, is_for: impl Fn(&Simulated) -> bool) -> usize {
        self.devices.iter().filter(|device| device.transport.is_some() && is_for(device)).count()
    }

    /// Closes all links and ends; its log is complete then.
    pub(super) async fn leave(mut self) -> Result<PathBuf> {
        // Its input ends, and it knows.
        drop(self.child.stdin.take());
        let status = self.child.wait().await?;
        if !status.success() {
            bail!("the crowd ended with {status}: see {}", self.directory.join("simulate.log").display());
        }
        Ok(self.directory.join("arrivals.jsonl"))
    }
}
