//! What is remembered of each app's channel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use homing_domain::{AppId, Channel, Millis, UnixMillis};

use super::circuit::Circuit;
use super::config::ConfigCache;

/// Apps' channels that are remembered; the one that was not used for the longest makes place. Each takes a few kilobytes.
const LINES_MAX: usize = 4_096;

/// Somebody is told of the same trouble so often at most.
const ALERT_EVERY: Millis = 600_000;

/// An app's way to one vendor.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) app: AppId,
    pub(super) channel: Channel,
    pub(super) config: ConfigCache,
    pub(super) circuit: Circuit,
    alerted: Mutex<HashMap<&'static str, UnixMillis>>,
}

impl Line {
    /// Whether it is time to tell somebody of this trouble.
    pub(super) fn may_alert(&self, name: &'static str, now: UnixMillis) -> bool {
        let mut alerted = self.alerted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = alerted.get(name).is_none_or(|at| now < *at || now.since(*at) >= ALERT_EVERY);
        if is_due {
            alerted.insert(name, now);
        }
        is_due
    }
}

/// When it was used last, and itself.
type Used = (UnixMillis, Arc<Line>);

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<HashMap<(AppId, Channel), Used>>);

impl Lines {
    /// `jitter` is asked for chance when the line is new.
    pub(super) fn line(
        &self,
        app: &AppId,
        channel: Channel,
        now: UnixMillis,
        jitter: impl FnOnce() -> u32,
    ) -> Arc<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (app.clone(), channel);
        if lines.len() >= LINES_MAX && !lines.contains_key(&key) {
            let idlest = lines.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone());
            idlest.map(|idlest| lines.remove(&idlest));
        }
        let (at, line) = lines.entry(key).or_insert_with(|| {
            let line = Line {
                app: app.clone(),
                channel,
                config: ConfigCache::default(),
                circuit: Circuit::new(jitter()),
                alerted: Mutex::default(),
            };
            (now, Arc::new(line))
        });
        *at = now;
        Arc::clone(line)
    }
}
