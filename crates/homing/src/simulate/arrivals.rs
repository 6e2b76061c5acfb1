//! Links, and the log of what their apps heard.

use std::fs::File;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing_contract::http::v1::RegisteredDevice;
use homing_device_sdk::{Backoff, Device, Event, Inbox, MemoryState, Message, Route, Status, Transports};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::people::People;
use super::population::progress;
use crate::arguments::TransportChoice;
use crate::link;

/// Handshakes under way at the same time.
const HANDSHAKES_IN_FLIGHT: usize = 64;
/// A link is up within this.
const CONNECTED_WITHIN: Duration = Duration::from_secs(60);
/// Local addresses that connections come from, so that 28,000 ports of one are no limit.
const LOCAL_ADDRESSES: u8 = 8;
/// Faster than phones in the field: somebody waits for them to come back.
const BACKOFF: Backoff = Backoff { after_loss: 5_000, base: 500, cap: 5_000 };

/// A line of `arrivals.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Arrival {
    /// Whose app.
    pub(super) device_id: String,
    /// What it heard.
    #[serde(flatten)]
    pub(super) heard: Heard,
    /// When, in milliseconds since 1970.
    pub(super) at: u64,
}

/// What an app heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Heard {
    /// A message.
    Message {
        /// Its number in the device's mailbox.
        seq: u64,
        /// Its id.
        message_id: String,
        /// The notification's text.
        text: String,
    },
    /// A message is taken back.
    Recalled {
        /// Which.
        message_id: String,
    },
    /// These numbers will not come.
    Skipped {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Something may be lost.
    PossibleLoss {},
}

/// The log. A line is written before its message is acknowledged, and can be read at once.
#[derive(Debug)]
pub(super) struct ArrivalLog(Mutex<File>);

impl ArrivalLog {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self(Mutex::new(file)))
    }

    fn write(&self, arrival: &Arrival) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(arrival)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }

    pub(super) fn flush(&self) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush().context("the arrivals cannot be written")
    }
}

/// Links those that are to have one.
pub(super) async fn link(
    people: &People,
    registered: Vec<(u32, RegisteredDevice)>,
    certificate: Option<&Path>,
    log: &Arc<ArrivalLog>,
) -> Result<Vec<Device>> {
    let wanted: Vec<_> =
        registered.into_iter().filter_map(|(number, device)| Some((people.transport(number)?, device))).collect();
    let is_local = wanted
        .iter()
        .flat_map(|(_, device)| &device.route.gateways)
        .all(|gateway| matches!(gateway.host.as_str(), "127.0.0.1" | "localhost"));
    let addresses = if is_local { LOCAL_ADDRESSES } else { 0 };
    let sources = (1..=addresses).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))).collect();
    let transports = Transports::with_sources(link::trust(certificate)?, sources)?;
    let bar = progress("linked", wanted.len() as u64);
    let one = |(choice, device)| {
        let (transports, log, bar) = (Arc::clone(&transports), Arc::clone(log), bar.clone());
        async move {
            let linked = link_one(device, choice, transports, log).await?;
            bar.inc(1);
            anyhow::Ok(linked)
        }
    };
    let links = stream::iter(wanted).map(one).buffer_unordered(HANDSHAKES_IN_FLIGHT).try_collect().await;
    bar.finish();
    links
}

async fn link_one(
    registered: RegisteredDevice,
    choice: TransportChoice,
    transports: Arc<Transports>,
    log: Arc<ArrivalLog>,
) -> Result<Device> {
    let gateway = registered.route.gateways.first().context("the server named no gateway")?;
    let host = if gateway.host == "localhost" { "127.0.0.1".to_owned() } else { gateway.host.clone() };
    let (device, inbox) = Device::builder(link::identity(&registered)?, Route::new(host, gateway.port))
        .transports(transports)
        .preference(link::preference(choice))
        .backoff(BACKOFF)
        .start(MemoryState::new())
        .await?;
    tokio::spawn(hear(registered.device_id.clone(), inbox, log));
    tokio::time::timeout(CONNECTED_WITHIN, device.wait_for(Status::is_connected))
        .await
        .with_context(|| format!("device {} did not connect", registered.device_id))?;
    Ok(device)
}

async fn hear(device_id: String, mut inbox: Inbox, log: Arc<ArrivalLog>) {
    while let Some(delivery) = inbox.next().await {
        let arrival = Arrival { device_id: device_id.clone(), heard: heard(delivery.event()), at: now_millis() };
        // What is not written down is not acknowledged: it comes again, and somebody will miss it in the log.
        if let Err(error) = log.write(&arrival) {
            tracing::error!(%error, "an arrival cannot be written");
            continue;
        }
        delivery.done().await;
    }
}

fn heard(event: &Event) -> Heard {
    match event {
        Event::Message(message) => {
            Heard::Message { seq: message.seq, message_id: message.id.to_string(), text: text_of(message) }
        }
        Event::Recalled { message, .. } => Heard::Recalled { message_id: message.to_string() },
        Event::Skipped { first, last, .. } => Heard::Skipped { first: *first, last: *last },
        Event::Reset { .. } | Event::Hole { .. } => Heard::PossibleLoss {},
    }
}

/// What a person would see.
fn text_of(message: &Message) -> String {
    let payload: Option<Value> = serde_json::from_slice(&message.payload).ok();
    let body = payload.as_ref().and_then(|payload| payload.pointer("/notification/body")).and_then(Value::as_str);
    body.unwrap_or_default().to_owned()
}

/// Closes every link.
pub(super) async fn leave(links: Vec<Device>) {
    stream::iter(&links).for_each_concurrent(HANDSHAKES_IN_FLIGHT, Device::close).await;
}

#[expect(clippy::disallowed_methods, reason = "simulated devices are a driver: their log tells real time")]
fn now_millis() -> u64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
