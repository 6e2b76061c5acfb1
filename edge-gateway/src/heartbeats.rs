//! Heartbeat settings of the fleet and of apps that have their own, kept until a notice says that they changed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use homing_domain::{AppId, HeartbeatSettings};
use homing_ports::{Apps, Result, Settings};

/// Apps whose settings are kept; beyond it all are read again.
const APPS_KEPT: usize = 1_024;

/// The settings.
#[derive(Debug, Default)]
pub(crate) struct Heartbeats(Mutex<HashMap<AppId, HeartbeatSettings>>);

impl Heartbeats {
    /// The settings of an app's devices.
    pub(crate) async fn of<P: Apps + Settings>(&self, ports: &P, app: &AppId) -> Result<HeartbeatSettings> {
        if let Some(settings) = self.kept().get(app) {
            return Ok(*settings);
        }
        let own = ports.app(app).await?.and_then(|app| app.heartbeat);
        let settings = match own {
            Some(settings) => settings,
            None => ports.settings().await?.heartbeat,
        };
        let mut kept = self.kept();
        if kept.len() >= APPS_KEPT {
            kept.clear();
        }
        kept.insert(app.clone(), settings);
        Ok(settings)
    }

    /// They changed.
    pub(crate) fn forget(&self) {
        self.kept().clear();
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<AppId, HeartbeatSettings>> {
        // No code that runs under this lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
