//! What thousands of devices saw: every message with how often it came to each, and when links came up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use homing_device_sdk::{Event, Inbox, Status};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

#[derive(Default)]
struct State {
    /// Messages that each device is to see.
    expected: usize,
    /// How often each device saw each message, by its text.
    seen: HashMap<(usize, String), u32>,
    /// Since when links are counted, and when each came up.
    since: Option<Instant>,
    links: Vec<Duration>,
    /// Times that a device said that something may be lost.
    losses: usize,
}

/// Shared by all devices.
#[derive(Default)]
pub(super) struct Tally {
    state: Mutex<State>,
    changed: Notify,
}

impl Tally {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_waiters();
    }

    /// Hears until the device ends.
    pub(super) async fn hear(self: Arc<Self>, device: usize, mut inbox: Inbox) {
        while let Some(delivery) = inbox.next().await {
            match delivery.event() {
                Event::Message(message) => {
                    let text = String::from_utf8_lossy(&message.payload).into_owned();
                    self.change(|state| *state.seen.entry((device, text)).or_default() += 1);
                }
                Event::Recalled { .. } => {}
                Event::Skipped { .. } | Event::Reset { .. } | Event::Hole { .. } => {
                    self.change(|state| state.losses += 1);
                }
            }
            delivery.done().await;
        }
    }

    /// Notes each link that comes up, until the device ends.
    pub(super) async fn watch(self: Arc<Self>, mut status: watch::Receiver<Status>) {
        let mut last = None;
        while status.changed().await.is_ok() {
            let Status::Connected { conn_seq, .. } = *status.borrow_and_update() else { continue };
            if last.replace(conn_seq) != Some(conn_seq) {
                self.change(|state| {
                    if let Some(since) = state.since {
                        state.links.push(since.elapsed());
                    }
                });
            }
        }
    }

    pub(super) fn expect_one_more(&self) {
        self.change(|state| state.expected += 1);
    }

    #[expect(clippy::disallowed_methods, reason = "a main that measures")]
    pub(super) fn start_counting(&self) {
        self.change(|state| {
            state.since = Some(Instant::now());
            state.links.clear();
        });
    }

    /// Waits until so many links came up.
    pub(super) async fn links_reach(&self, wanted: usize, within: Duration) -> Result<()> {
        self.wait(within, |state| state.links.len() >= wanted).await.context("devices stay away")
    }

    /// Waits until so many devices have seen everything.
    pub(super) async fn all_arrived(&self, devices: usize, within: Duration) -> Result<()> {
        self.wait(within, |state| state.seen.len() >= devices * state.expected).await.context("messages are missing")
    }

    async fn wait(&self, within: Duration, is_so: impl Fn(&State) -> bool) -> Result<()> {
        let so = async {
            loop {
                let changed = self.changed.notified();
                let mut changed = std::pin::pin!(changed);
                // Listen first, look then: what comes in between is not missed.
                changed.as_mut().enable();
                if is_so(&self.state()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(within, so).await.context("time is up")
    }

    /// How many came up in each second.
    pub(super) fn links_per_second(&self) -> String {
        let state = self.state();
        let seconds = state.links.iter().map(Duration::as_secs).max().map_or(0, |last| last + 1);
        let count = |second| state.links.iter().filter(|at| at.as_secs() == second).count().to_string();
        (0..seconds).map(count).collect::<Vec<_>>().join(" ")
    }

    /// The verdict; says what is wrong.
    pub(super) fn each_saw_each_once(&self, devices: usize) -> bool {
        let state = self.state();
        let twice = state.seen.values().filter(|times| **times > 1).count();
        let missing = (devices * state.expected).saturating_sub(state.seen.len());
        let expected = devices * state.expected;
        crate::say(format!(
            "{expected} deliveries expected, {missing} missing, {twice} twice, {} losses",
            state.losses
        ));
        missing == 0 && twice == 0 && state.losses == 0
    }
}
