//! What apps want of their links: heartbeats and presence events. Kept for a while, so that a link costs no read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use homing_domain::{AppId, HeartbeatSettings, Millis, UnixMillis};
use homing_ports::{Apps, Result, Settings};

/// Apps whose settings are kept; beyond it all are read again.
const APPS_KEPT: usize = 1_024;
/// Settings older than this are read again. Changed heartbeats are told by a notice; what is not told, or lost, shows
/// after this. One read per app and gateway in that time.
const KEPT_FOR: Millis = 60_000;
/// Reads at the same time: a storm of new links reads an app once, and one slow read holds up a part of the apps only.
const READS_AT_ONCE: usize = 16;

/// What an app wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AppSettings {
    /// Of its devices, its own or the fleet's.
    pub(crate) heartbeat: HeartbeatSettings,
    /// Whether its business systems are told who comes and goes.
    pub(crate) presence: bool,
}

#[derive(Debug, Default)]
struct Kept {
    apps: HashMap<AppId, (AppSettings, UnixMillis)>,
    /// Raised by each change: what was read before one is not kept after it.
    changes: u64,
}

/// The settings of all apps that have links here.
#[derive(Debug)]
pub(crate) struct SettingsOfApps {
    kept: Mutex<Kept>,
    reading: [tokio::sync::Mutex<()>; READS_AT_ONCE],
}

impl Default for SettingsOfApps {
    fn default() -> Self {
        Self { kept: Mutex::default(), reading: std::array::from_fn(|_| tokio::sync::Mutex::default()) }
    }
}

impl SettingsOfApps {
    /// The settings of an app. While they cannot be read, the last ones known hold.
    pub(crate) async fn of<P: Apps + Settings>(&self, ports: &P, app: &AppId, now: UnixMillis) -> Result<AppSettings> {
        if let Some(settings) = self.fresh(app, now) {
            return Ok(settings);
        }
        let part = app.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let _only_reader = self.reading[part % READS_AT_ONCE].lock().await;
        if let Some(settings) = self.fresh(app, now) {
            return Ok(settings);
        }
        let changes = self.kept().changes;
        match read(ports, app).await {
            Ok(settings) => {
                let mut kept = self.kept();
                if kept.apps.len() >= APPS_KEPT {
                    kept.apps.clear();
                }
                if kept.changes == changes {
                    kept.apps.insert(app.clone(), (settings, now));
                }
                Ok(settings)
            }
            Err(error) => self.kept().apps.get(app).map(|(settings, _)| *settings).ok_or(error),
        }
    }

    /// They changed.
    pub(crate) fn forget(&self) {
        let mut kept = self.kept();
        kept.apps.clear();
        kept.changes += 1;
    }

    fn fresh(&self, app: &AppId, now: UnixMillis) -> Option<AppSettings> {
        let kept = self.kept();
        let (settings, read_at) = kept.apps.get(app)?;
        (now.since(*read_at) < KEPT_FOR).then_some(*settings)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No code that runs under this lock can leave it half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read<P: Apps + Settings>(ports: &P, app: &AppId) -> Result<AppSettings> {
    let (own, presence) = match ports.app(app).await? {
        Some(app) => (app.heartbeat, app.events.presence),
        None => (None, false),
    };
    let heartbeat = match own {
        Some(heartbeat) => heartbeat,
        None => ports.settings().await?.heartbeat,
    };
    Ok(AppSettings { heartbeat, presence })
}
