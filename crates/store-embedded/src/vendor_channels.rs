//! What apps have set for vendors' channels, and how fast vendors were asked last: the latter in memory only.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use homing_domain::{AppId, Channel, ChannelConfig, Throttle};
use homing_ports::{Replaced, Result, Throttles, VendorChannels};

use crate::EmbeddedStore;
use crate::table::{Key, Table};

/// The token buckets, one per (app, channel): as many as there are configurations, 40 bytes each.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<HashMap<(AppId, Channel), Throttle>>);

impl Buckets {
    fn lock(&self) -> MutexGuard<'_, HashMap<(AppId, Channel), Throttle>> {
        // Nothing that runs under the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(app: &AppId, channel: Channel) -> Key {
    Key::of(Table::ChannelConfigs).app(app).channel(channel)
}

impl VendorChannels for EmbeddedStore {
    async fn channel_config(&self, app: &AppId, channel: Channel) -> Result<Option<ChannelConfig>> {
        self.engine().noun(&key(app, channel)).map_err(|error| error.in_port("read what is set for the channel"))
    }

    async fn replace_channel_config(&self, config: ChannelConfig) -> Result<Replaced> {
        self.commit("replace what is set for the channel", move |view| {
            let key = key(&config.app, config.channel);
            let stored = view.noun::<ChannelConfig>(&key)?.map_or(0, |stored| stored.revision);
            if Some(stored) != config.revision.checked_sub(1) {
                return Ok(Replaced::Changed);
            }
            view.put_noun(key, &config);
            Ok(Replaced::Done)
        })
        .await
    }

    async fn delete_channel_config(&self, app: &AppId, channel: Channel) -> Result<()> {
        let key = key(app, channel);
        self.commit("delete what is set for the channel", move |view| {
            view.delete(key);
            Ok(())
        })
        .await
    }

    async fn channel_configs(&self, after: Option<(AppId, Channel)>, limit: usize) -> Result<Vec<ChannelConfig>> {
        let start = after.map(|(app, channel)| key(&app, channel).next());
        let list = "list what is set for channels";
        self.read_pages(list, move |engine| engine.nouns(&Key::of(Table::ChannelConfigs), start, limit)).await
    }
}

impl Throttles for EmbeddedStore {
    async fn throttle(&self, app: &AppId, channel: Channel) -> Result<Throttle> {
        Ok(self.shared.buckets.lock().get(&(app.clone(), channel)).copied().unwrap_or_default())
    }

    async fn replace_throttle(&self, app: &AppId, channel: Channel, throttle: Throttle) -> Result<Replaced> {
        let mut buckets = self.shared.buckets.lock();
        let stored = buckets.entry((app.clone(), channel)).or_default();
        if Some(stored.revision) != throttle.revision.checked_sub(1) {
            return Ok(Replaced::Changed);
        }
        *stored = throttle;
        Ok(Replaced::Done)
    }
}
