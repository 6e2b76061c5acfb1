//! The crowd's log while it is written: how many devices heard a message, and when the last of them did.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::watch::look_again;

/// Of one message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    /// Lines about it.
    pub(super) devices: usize,
    /// When the last of them was written, in milliseconds since 1970.
    pub(super) last_at: u64,
}

/// What was read of the log so far.
pub(super) struct HeardLog {
    log: BufReader<File>,
    /// The beginning of a line whose end is not written yet.
    rest: String,
    reach: HashMap<String, Reach>,
}

impl HeardLog {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let log = File::open(path).with_context(|| path.display().to_string())?;
        Ok(Self { log: BufReader::new(log), rest: String::new(), reach: HashMap::new() })
    }

    /// Waits until so many devices heard it.
    pub(super) async fn until(&mut self, message: &str, devices: usize, within: Duration) -> Result<Reach> {
        let looking = tokio::time::timeout(within, async {
            loop {
                self.read_on()?;
                match self.reach.get(message) {
                    Some(reach) if reach.devices >= devices => return anyhow::Ok(*reach),
                    _ => look_again().await,
                }
            }
        });
        if let Ok(reached) = looking.await {
            return reached;
        }
        let reach = self.reach.get(message).copied().unwrap_or_default();
        bail!("{message} reached {} of {devices} devices within {} s", reach.devices, within.as_secs())
    }

    fn read_on(&mut self) -> Result<()> {
        while self.log.read_line(&mut self.rest)? > 0 {
            if !self.rest.ends_with('\n') {
                break;
            }
            let line: serde_json::Value = serde_json::from_str(&self.rest)?;
            self.rest.clear();
            if let (Some("message"), Some(message)) = (line["event"].as_str(), line["message_id"].as_str()) {
                let reach = self.reach.entry(message.to_owned()).or_default();
                reach.devices += 1;
                reach.last_at = reach.last_at.max(line["at"].as_u64().unwrap_or(0));
            }
        }
        Ok(())
    }
}
