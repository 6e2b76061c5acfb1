//! Simulated devices: the real SDK with its state in memory, sharing sockets.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hdrhistogram::Histogram;
use homing_contract::http::v1::RegisteredDevice;
use homing_device_sdk::{Device, Event, Inbox, MemoryState, Message, Route, Transports};
use tokio::sync::Notify;

use super::target::{SENT_AT, Target, now_micros};
use crate::arguments::{BenchArguments, TransportChoice};
use crate::link;

/// Handshakes under way at the same time: below what a gateway allows one address.
const HANDSHAKES_IN_FLIGHT: usize = 64;
/// A handshake that takes longer has failed.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);
/// Local addresses that connections come from, so that 28,000 ports of one are no limit.
const LOCAL_ADDRESSES: u8 = 8;
/// Longest time recorded; longer ones count as this.
pub(super) const LONGEST_MICROS: u64 = 600_000_000;

/// What arrived at all devices together.
#[derive(Debug)]
pub(super) struct Arrivals {
    count: AtomicU64,
    more: Notify,
    times: Mutex<Histogram<u64>>,
}

impl Arrivals {
    fn new() -> Result<Self> {
        let times = Histogram::new_with_max(LONGEST_MICROS, 3)?;
        Ok(Self { count: AtomicU64::new(0), more: Notify::new(), times: Mutex::new(times) })
    }

    /// What carries no time is the noise beside which others are measured.
    fn note(&self, message: &Message) {
        let Some(sent_at) = sent_at(message) else { return };
        let took = now_micros().saturating_sub(sent_at);
        self.times.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(took);
        self.count.fetch_add(1, Ordering::AcqRel);
        self.more.notify_one();
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Waits until so many arrived in all; `false` = time is up.
    pub(super) async fn reach(&self, wanted: u64, within: Duration) -> bool {
        let reached = async {
            while self.count() < wanted {
                self.more.notified().await;
            }
        };
        tokio::time::timeout(within, reached).await.is_ok()
    }

    /// The times since the last call.
    pub(super) fn take_times(&self) -> Histogram<u64> {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = times.clone();
        times.reset();
        taken
    }
}

/// The time that a payload carries, found without reading all of it.
fn sent_at(message: &Message) -> Option<u64> {
    let payload: &[u8] = &message.payload;
    let name = SENT_AT.as_bytes();
    let at = payload.windows(name.len()).position(|window| window == name)?;
    let digits = payload[at + name.len()..].iter().skip_while(|byte| !byte.is_ascii_digit());
    Some(digits.take_while(|byte| byte.is_ascii_digit()).fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Linked devices.
pub(super) struct Crowd {
    devices: Vec<Device>,
    pub(super) ids: Vec<String>,
    pub(super) arrivals: Arc<Arrivals>,
}

impl Crowd {
    /// Links devices, as fast as the server takes them.
    pub(super) async fn link(
        target: &Target,
        registered: Vec<RegisteredDevice>,
        arguments: &BenchArguments,
    ) -> Result<Self> {
        let arrivals = Arc::new(Arrivals::new()?);
        // Only a gateway on the loopback address can be reached from further ones of it.
        let is_local =
            registered.iter().flat_map(|device| &device.route.gateways).all(|gateway| gateway.host == "127.0.0.1");
        let addresses = if is_local { LOCAL_ADDRESSES } else { 0 };
        let sources = (1..=addresses).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))).collect();
        let trust = link::trust(target.certificate.as_deref())?;
        let transports = Transports::with_sources(trust, sources)?;
        let ids = registered.iter().map(|device| device.device_id.clone()).collect();
        let one = |device: RegisteredDevice| {
            link_one(device, Arc::clone(&transports), arguments.transport, Arc::clone(&arrivals))
        };
        let devices = stream::iter(registered).map(one).buffer_unordered(HANDSHAKES_IN_FLIGHT).try_collect().await?;
        Ok(Self { devices, ids, arrivals })
    }

    /// Closes every link.
    pub(super) async fn leave(self) {
        stream::iter(&self.devices).for_each_concurrent(HANDSHAKES_IN_FLIGHT, Device::close).await;
    }
}

async fn link_one(
    registered: RegisteredDevice,
    transports: Arc<Transports>,
    choice: TransportChoice,
    arrivals: Arc<Arrivals>,
) -> Result<Device> {
    let gateway = registered.route.gateways.first().context("the server named no gateway")?;
    let route = Route::new(gateway.host.clone(), gateway.port);
    let (device, inbox) = Device::builder(link::identity(&registered)?, route)
        .transports(transports)
        .preference(link::preference(choice))
        .start(MemoryState::new())
        .await?;
    tokio::spawn(hear(inbox, arrivals));
    tokio::time::timeout(CONNECTED_WITHIN, device.wait_for(homing_device_sdk::Status::is_connected))
        .await
        .with_context(|| format!("device {} did not connect", registered.device_id))?;
    Ok(device)
}

async fn hear(mut inbox: Inbox, arrivals: Arc<Arrivals>) {
    while let Some(delivery) = inbox.next().await {
        if let Event::Message(message) = delivery.event() {
            arrivals.note(message);
        }
        delivery.done().await;
    }
}
