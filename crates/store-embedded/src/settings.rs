//! Settings of the whole installation.

use homing_ports::{FleetSettings, Replaced, Result, Settings};

use crate::EmbeddedStore;
use crate::table::{Key, Table};

impl Settings for EmbeddedStore {
    async fn settings(&self) -> Result<FleetSettings> {
        let stored = self.engine().noun(&Key::of(Table::Settings));
        stored.map(Option::unwrap_or_default).map_err(|error| error.in_port("read the settings"))
    }

    async fn replace_settings(&self, settings: FleetSettings) -> Result<Replaced> {
        self.commit("replace the settings", move |view| {
            let key = Key::of(Table::Settings);
            let stored: FleetSettings = view.noun(&key)?.unwrap_or_default();
            if Some(stored.revision) != settings.revision.checked_sub(1) {
                return Ok(Replaced::Changed);
            }
            view.put_noun(key, &settings);
            Ok(Replaced::Done)
        })
        .await
    }
}
