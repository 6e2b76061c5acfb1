//! All vendors, the log that they share, and the receipts under way.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use homing_domain::Channel;

use crate::actor::actor;
use crate::asked::Asked;
use crate::faults::{Faults, FaultsError};
use crate::journal::{Journal, Line};
use crate::receipts::{Kind, Queue, Receipt};
use crate::stage::{Outcome, Stage, happens};

/// How a simulator is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the log is appended to. None = it is only in memory, its last lines.
    pub log: Option<PathBuf>,
    /// How long after a push its receipt is posted.
    pub receipts_delay: Duration,
    /// What goes wrong from the start, by the channel's name.
    pub faults: BTreeMap<String, Faults>,
}

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its log cannot be opened.
    #[error("the log cannot be opened: {0}")]
    Log(#[source] io::Error),
    /// There is no such vendor.
    #[error("there is no vendor {0:?}")]
    Vendor(String),
    /// Faults that make no sense.
    #[error("faults of {0}: {1}")]
    Faults(String, #[source] FaultsError),
}

/// All vendors.
pub(crate) struct World {
    stages: Vec<Stage>,
    journal: Mutex<Journal>,
    pub(crate) receipts: Queue,
    requests: AtomicU64,
    receipts_delay: Duration,
}

impl World {
    pub(crate) fn new(options: &Options) -> Result<Self, StartError> {
        let journal = Journal::open(options.log.as_deref()).map_err(StartError::Log)?;
        let epoch = now_ms();
        let stage = |channel| actor(channel).map(|actor| Stage::new(channel, actor, epoch));
        let world = Self {
            stages: Channel::ALL.into_iter().filter_map(stage).collect(),
            journal: Mutex::new(journal),
            receipts: Queue::default(),
            requests: AtomicU64::new(0),
            receipts_delay: options.receipts_delay,
        };
        for (name, faults) in &options.faults {
            let stage = world.stage(name).ok_or_else(|| StartError::Vendor(name.clone()))?;
            let faults = faults.checked().map_err(|error| StartError::Faults(name.clone(), error))?;
            stage.put_faults(faults);
        }
        Ok(world)
    }

    /// A vendor by its channel's name.
    pub(crate) fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.channel.name() == name)
    }

    pub(crate) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A vendor's answer. What it took is in the log before anybody hears of it.
    pub(crate) fn answer(&self, stage: &Stage, asked: &Asked) -> Outcome {
        let request = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let outcome = stage.answer(asked);
        if outcome.said.taken.is_empty() {
            return outcome;
        }
        if let Err(error) = self.write_down(stage, asked, request, &outcome) {
            tracing::error!(%error, "the log cannot be written");
            return Outcome { said: stage.outage(), is_lost: false };
        }
        self.promise_receipts(stage, asked, &outcome);
        outcome
    }

    fn write_down(&self, stage: &Stage, asked: &Asked, request: u64, outcome: &Outcome) -> io::Result<()> {
        let mut journal = self.journal();
        let lines = outcome.said.taken.iter().zip(journal.next_number()..).map(|(taken, number)| Line {
            number,
            at: asked.now,
            vendor: stage.channel.name().to_owned(),
            token: taken.token.clone(),
            message: taken.message.clone(),
            request,
        });
        let lines = lines.collect();
        journal.write(lines)
    }

    fn promise_receipts(&self, stage: &Stage, asked: &Asked, outcome: &Outcome) {
        let faults = stage.lock().faults;
        let delay = u64::try_from(self.receipts_delay.as_millis()).unwrap_or(u64::MAX);
        let mut dropped = 0;
        for taken in &outcome.said.taken {
            let Some(url) = &taken.callback else { continue };
            let kinds = Kind::of(stage.channel, &taken.token, happens(faults.opened_share));
            for (kind, delays) in kinds {
                let is_late = faults.late_receipts_ms > 0 && happens(faults.late_receipts_share);
                let late = if is_late { faults.late_receipts_ms } else { 0 };
                let at = asked.now.saturating_add(delay.saturating_mul(delays));
                let receipt = Receipt {
                    channel: stage.channel,
                    url: url.clone(),
                    vendor_id: taken.vendor_id.clone(),
                    message: taken.message.clone(),
                    token: taken.token.clone(),
                    kind,
                    at,
                };
                let due = at.saturating_add(late);
                if happens(faults.duplicate_receipts_share) {
                    dropped += u64::from(!self.receipts.put(due.saturating_add(delay), receipt.clone()));
                }
                dropped += u64::from(!self.receipts.put(due, receipt));
            }
        }
        if dropped > 0 {
            stage.lock().counts.receipts_dropped += dropped;
        }
    }
}

/// The present: milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a vendor has its own clock, and this one is far from every stage")]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
