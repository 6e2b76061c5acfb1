//! What the publisher and the devices write down, one JSON object per line. Nothing of the server stands in here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Who a message is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Audience {
    /// These devices.
    Devices(Vec<String>),
    /// The devices of these users.
    Users(Vec<String>),
    /// Every device.
    All,
}

impl Audience {
    /// Whether a device is in it.
    pub(crate) fn is_for(&self, device: &Device) -> bool {
        match self {
            Self::All => true,
            Self::Devices(ids) => ids.contains(&device.device_id),
            Self::Users(users) => users.contains(&device.user),
        }
    }
}

/// A line of the publisher's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Published {
    /// A request is about to be sent, the first time or again.
    Request { key: String, audience: Audience, text: String },
    /// It was answered with 202.
    Answered { key: String, message_id: String },
    /// No answer came.
    Unanswered { key: String, why: String },
    /// It was answered with an error.
    Refused { key: String, status: u16, why: String },
    /// A server, a device's process or the links were just cut off, at this moment (milliseconds since 1970).
    CutOff { at: u64 },
}

/// A line of a device's callback log, written before the callback returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Seen {
    /// A process with this device's state began.
    Started {},
    /// The callback got a message, at this moment (milliseconds since 1970).
    Message { seq: u64, message_id: String, text: String, at: u64 },
    /// The gateway said that these seqs will not come.
    Skipped { from: u64, through: u64, reason: String },
    /// The SDK said that something may be lost.
    PossibleLoss {},
}

/// A device of the demonstration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) device_id: String,
    pub(crate) user: String,
    pub(crate) transport: String,
    pub(crate) log: PathBuf,
}

/// What the server says about a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Balance {
    pub(crate) targeted: i64,
    pub(crate) delivered: i64,
    pub(crate) handed_off: i64,
    pub(crate) expired: i64,
    pub(crate) failed: i64,
    pub(crate) recalled: i64,
    pub(crate) suppressed: i64,
    pub(crate) cancelled: i64,
    pub(crate) pending: i64,
}

/// The server's balances by message id.
pub(crate) type Balances = BTreeMap<String, Balance>;

/// Reads a file of one JSON value.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    serde_json::from_reader(BufReader::new(file)).with_context(|| path.display().to_string())
}

/// Reads a file of JSON lines.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut lines = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{} line {}", path.display(), number + 1);
        lines.push(serde_json::from_str(&line.with_context(place)?).with_context(place)?);
    }
    Ok(lines)
}
