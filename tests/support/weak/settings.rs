//! Settings and apps: small, and not what the simulation is after.

use std::collections::BTreeMap;

use homing_domain::{App, AppId};
use homing_ports::{Apps, Created, FleetSettings, Replaced, Result, Settings};

use super::Weak;

/// Settings and apps.
#[derive(Debug, Default)]
pub struct SettingsState {
    fleet: FleetSettings,
    /// Apps.
    pub apps: BTreeMap<AppId, App>,
}

impl Settings for Weak {
    async fn settings(&self) -> Result<FleetSettings> {
        self.call("read settings", |state| Ok(state.settings.fleet.clone())).await
    }

    async fn replace_settings(&self, settings: FleetSettings) -> Result<Replaced> {
        self.call("replace settings", move |state| {
            if state.settings.fleet.revision + 1 != settings.revision {
                return Ok(Replaced::Changed);
            }
            state.settings.fleet = settings;
            Ok(Replaced::Done)
        })
        .await
    }
}

impl Apps for Weak {
    async fn create_app(&self, app: App) -> Result<Created> {
        self.call("create an app", move |state| {
            if state.settings.apps.contains_key(&app.id) {
                return Ok(Created::Exists);
            }
            state.settings.apps.insert(app.id.clone(), app);
            Ok(Created::New)
        })
        .await
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        let id = id.clone();
        self.call("read an app", move |state| Ok(state.settings.apps.get(&id).cloned())).await
    }

    async fn apps(&self, after: Option<&AppId>, limit: usize) -> Result<Vec<App>> {
        let after = after.cloned();
        self.call("list apps", move |state| {
            let rest = state.settings.apps.values().filter(|app| after.as_ref().is_none_or(|after| app.id > *after));
            Ok(rest.take(limit).cloned().collect())
        })
        .await
    }

    async fn replace_app(&self, app: App) -> Result<Replaced> {
        self.call("replace an app", move |state| {
            let Some(stored) = state.settings.apps.get_mut(&app.id) else { return Ok(Replaced::Changed) };
            if stored.revision + 1 != app.revision {
                return Ok(Replaced::Changed);
            }
            *stored = app;
            Ok(Replaced::Done)
        })
        .await
    }

    async fn delete_app(&self, id: &AppId) -> Result<()> {
        let id = id.clone();
        self.call("delete an app", move |state| {
            state.settings.apps.remove(&id);
            Ok(())
        })
        .await
    }
}
