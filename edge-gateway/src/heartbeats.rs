//! Heartbeat settings of the fleet and of apps that have their own, kept until a notice says that they changed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use homing_domain::{AppId, HeartbeatSettings};
use homing_ports::{Apps, Result, Settings};

/// Apps whose settings are kept; beyond it all are read again.
const APPS_KEPT: usize = 1_024;

#[derive(Debug, Default)]
struct Kept {
    apps: HashMap<AppId, HeartbeatSettings>,
    /// Raised by each change: what was read before one is not kept after it.
    changes: u64,
}

/// The settings.
#[derive(Debug, Default)]
pub(crate) struct Heartbeats(Mutex<Kept>);

impl Heartbeats {
    /// The settings of an app's devices.
    pub(crate) async fn of<P: Apps + Settings>(&self, ports: &P, app: &AppId) -> Result<HeartbeatSettings> {
        let changes = {
            let kept = self.kept();
            if let Some(settings) = kept.apps.get(app) {
                return Ok(*settings);
            }
            kept.changes
        };
        let own = ports.app(app).await?.and_then(|app| app.heartbeat);
        let settings = match own {
            Some(settings) => settings,
            None => ports.settings().await?.heartbeat,
        };
        let mut kept = self.kept();
        if kept.apps.len() >= APPS_KEPT {
            kept.apps.clear();
        }
        if kept.changes == changes {
            kept.apps.insert(app.clone(), settings);
        }
        Ok(settings)
    }

    /// They changed.
    pub(crate) fn forget(&self) {
        let mut kept = self.kept();
        kept.apps.clear();
        kept.changes += 1;
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // No code that runs under this lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
