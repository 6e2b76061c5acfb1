//! The feed of one app.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use homing_domain::limits::FEED_PAGE_MAX;
use homing_domain::{AppId, FeedOffset, MessageId, UnixMillis};
use homing_link::server::{FeedLog, FeedPage, StoreFault};
use homing_ports::{Clock, Feeds};
use homing_telemetry::FeedRead;
use tracing::warn;

use crate::handle::Handle;

/// A read that takes longer is taken for lost.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// Candidates of one look: what a device that was away for long is asked about at a time, 24 bytes each.
const LOOK_MAX: usize = 256;

/// What is known of it, and who wants to know.
#[derive(Debug)]
pub(crate) struct AppFeed {
    app: AppId,
    state: Mutex<State>,
    /// Held by the one who reads.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    log: FeedLog,
    /// Whether it was read since there are links: while there are none, hints are passed over and nothing is read again.
    is_current: bool,
    /// Reads that were begun.
    reads: u64,
    /// How the last one ended; `None` = it is under way, or was dropped with its link.
    outcome: Option<Result<(), StoreFault>>,
    /// A hint came that no read was begun after.
    is_hinted: bool,
    /// Up to here the links know of it, or will ask for it.
    told: FeedOffset,
    links: HashMap<u64, Arc<Handle>>,
    /// Number of the next link.
    next: u64,
    /// It had no links when the last round began.
    is_idle: bool,
}

/// What a feed may have for a device.
#[derive(Debug)]
pub(super) struct Look {
    /// In order.
    pub(super) candidates: Vec<(FeedOffset, MessageId)>,
    /// The candidates are all there is up to here.
    pub(super) through: FeedOffset,
    /// Up to here the feed is known.
    pub(super) head: FeedOffset,
}

impl AppFeed {
    pub(super) fn new(app: AppId) -> Self {
        Self { app, state: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    pub(super) fn join(&self, link: Arc<Handle>) -> u64 {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.links.insert(number, link);
        number
    }

    pub(super) fn leave(&self, number: u64) {
        let mut state = self.state();
        state.links.remove(&number);
        if state.links.is_empty() {
            state.is_current = false;
            state.links = HashMap::new();
        }
    }

    pub(super) fn has_links(&self) -> bool {
        !self.state().links.is_empty()
    }

    /// Notes whether it has links now; `true` = it had none the last time either.
    pub(super) fn is_idle_again(&self) -> bool {
        let mut state = self.state();
        let is_idle = state.links.is_empty();
        std::mem::replace(&mut state.is_idle, is_idle) && is_idle
    }

    /// Whether somebody must read on for the sake of this hint: its entry is not known, there are links, and nobody is about
    /// to read. Whoever is told so reads.
    pub(super) fn is_news(&self, offset: FeedOffset) -> bool {
        let mut state = self.state();
        if state.log.head() >= offset || state.links.is_empty() {
            return false;
        }
        !std::mem::replace(&mut state.is_hinted, true)
    }

    /// The answer to a device for which there is nothing, which most ask for; `None` = there may be something, or the feed must
    /// be read first.
    pub(crate) fn nothing_after(&self, after: FeedOffset, now: UnixMillis) -> Option<FeedPage> {
        let state = self.state();
        let is_known = state.is_current && after <= state.log.head();
        let is_nothing = is_known && state.log.after(after, now).next().is_none();
        is_nothing.then(|| FeedPage { through: state.log.head(), pushes: Vec::new() })
    }

    /// Whether the feed must be read before this device is answered: it was not, or the device has been further with another
    /// gateway.
    pub(crate) fn must_read(&self, after: FeedOffset) -> bool {
        let state = self.state();
        !state.is_current || after > state.log.head()
    }

    pub(super) fn look(&self, after: FeedOffset, now: UnixMillis) -> Look {
        let state = self.state();
        let mut found = state.log.after(after, now);
        let candidates: Vec<_> = found.by_ref().take(LOOK_MAX).collect();
        let head = state.log.head().max(after);
        let last = candidates.last().filter(|_| found.next().is_some());
        Look { through: last.map_or(head, |(offset, _)| *offset), head, candidates }
    }

    /// Reads on, so that this device can be answered. However many ask at one moment, it is read once.
    pub(crate) async fn catch_up<P: Clock + Feeds>(&self, ports: &P, after: FeedOffset) -> Result<(), StoreFault> {
        self.read_unless(ports, || !self.must_read(after)).await
    }

    /// Reads on. However many ask at one moment, it is read twice at most.
    pub(super) async fn read<P: Clock + Feeds>(&self, ports: &P) -> Result<(), StoreFault> {
        self.read_unless(ports, || false).await
    }

    /// Who asks while another one reads waits, and then reads unless that was enough. A read that began after the question
    /// answers it in any case, also when it failed.
    async fn read_unless<P: Clock + Feeds>(
        &self,
        ports: &P,
        is_enough: impl Fn() -> bool + Send,
    ) -> Result<(), StoreFault> {
        let asked = self.state().reads;
        let _only_reader = self.reading.lock().await;
        if is_enough() {
            return Ok(());
        }
        let is_first = {
            let mut state = self.state();
            if let (true, Some(outcome)) = (state.reads > asked, state.outcome) {
                return outcome;
            }
            state.reads += 1;
            state.outcome = None;
            state.is_hinted = false;
            !state.is_current
        };
        let outcome = self.read_on(ports).await;
        let mut state = self.state();
        state.outcome = Some(outcome);
        if outcome.is_ok() {
            state.is_current = !state.links.is_empty();
        }
        let head = state.log.head();
        // Before the first read nobody was answered: they all wait for this one.
        if std::mem::replace(&mut state.told, head) < head && !is_first {
            state.links.values().for_each(|link| link.tell(|told| told.feed = true));
        }
        outcome
    }

    async fn read_on<P: Clock + Feeds>(&self, ports: &P) -> Result<(), StoreFault> {
        let mut entries = 0;
        let outcome = loop {
            let after = self.state().log.head();
            let page = tokio::time::timeout(READ_WITHIN, ports.feed_entries(&self.app, after, FEED_PAGE_MAX)).await;
            let page = match page {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => {
                    warn!(app = %self.app, %error, "a feed could not be read");
                    break Err(StoreFault::Unavailable);
                }
                Err(_) => {
                    warn!(app = %self.app, "reading a feed takes too long");
                    break Err(StoreFault::Unavailable);
                }
            };
            let is_last = page.len() < FEED_PAGE_MAX;
            entries += page.len();
            self.state().log.append(ports.now(), page);
            if is_last {
                break Ok(());
            }
        };
        if entries > 0 {
            FeedRead { app: &self.app, entries, head: self.state().log.head() }.emit();
        }
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that runs under this lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
