//! One device: an app that writes each thing it hears to its log before it says that it is done.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use homing::client::ApiClient;
use homing::link::{self, ApiRouter};
use homing_contract::http::v1::RegisteredDevice;
use homing_device_sdk::{Backoff, Device, Event, FileState, Inbox, Message, Preference, Route, Transport, Transports};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::Seen;

/// Faster than for phones in the field: here thirty devices come back to one server, and somebody waits for the end.
const BACKOFF: Backoff = Backoff { after_loss: 2_000, base: 500, cap: 3_000 };

/// All that a device needs, also when it is another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) registered: RegisteredDevice,
    pub(crate) is_quic: bool,
    /// Base URL of the API, when the device is to ask it where to connect.
    pub(crate) api: Option<String>,
    /// Where it connects first, and always when it does not ask.
    pub(crate) port: u16,
    pub(crate) certificate: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) log: PathBuf,
}

impl Plan {
    /// Starts the device; its inbox is the app's.
    pub(crate) async fn start(&self) -> Result<(Device, App)> {
        let transport = if self.is_quic { Transport::Quic } else { Transport::Tcp };
        let state = FileState::open(&self.state)?;
        let mut log = Log::open(&self.log)?;
        log.write(&Seen::Started {})?;
        let mut builder = Device::builder(link::identity(&self.registered)?, Route::new("127.0.0.1", self.port));
        if let Some(api) = &self.api {
            builder = builder.router(ApiRouter::new(ApiClient::new(api, None)?, &self.registered));
        }
        let (device, inbox) = builder
            .transports(Transports::new(link::trust(Some(&self.certificate))?)?)
            .preference(Preference::Only(transport))
            .backoff(BACKOFF)
            .start(state)
            .await?;
        Ok((device, App { inbox, log }))
    }
}

/// The app's side of a device.
pub(crate) struct App {
    inbox: Inbox,
    log: Log,
}

impl App {
    /// Hears until the device is closed. `before_done` runs inside the callback, after the log line of a message, with
    /// its number since the start.
    pub(crate) async fn run(mut self, before_done: impl AsyncFn(u64)) -> Result<()> {
        let mut messages = 0;
        while let Some(delivery) = self.inbox.next().await {
            let seen = match delivery.event() {
                Event::Message(message) => {
                    let (message_id, text) = (message.id.to_string(), text_of(message));
                    Some(Seen::Message { seq: message.seq, message_id, text, at: now_millis() })
                }
                Event::Skipped { first, last, reason } => {
                    Some(Seen::Skipped { from: *first, through: *last, reason: format!("{reason:?}") })
                }
                Event::Reset { .. } | Event::Hole { .. } => Some(Seen::PossibleLoss {}),
                Event::Recalled { .. } => None,
            };
            if let Some(seen) = seen {
                self.log.write(&seen)?;
                if matches!(seen, Seen::Message { .. }) {
                    messages += 1;
                    before_done(messages).await;
                }
            }
            delivery.done().await;
        }
        Ok(())
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_millis() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// The text that a person would see; what cannot be read is logged as it is, for the checker to find.
fn text_of(message: &Message) -> String {
    let payload: Option<Value> = serde_json::from_slice(&message.payload).ok();
    let body = payload.as_ref().and_then(|payload| payload.pointer("/notification/body")).and_then(Value::as_str);
    body.map_or_else(|| format!("unreadable: {:?}", message.payload), str::to_owned)
}

/// An append-only log. A line is one write, so that a killed process leaves whole lines.
struct Log(File);

impl Log {
    fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.map(Self).with_context(|| path.display().to_string())
    }

    fn write(&mut self, seen: &Seen) -> Result<()> {
        let mut line = serde_json::to_vec(seen)?;
        line.push(b'\n');
        self.0.write_all(&line)?;
        Ok(())
    }
}
