//! Who has which address at a vendor.

use homing_domain::{AppId, Channel, DeviceId};
use homing_ports::{Result, VendorTokens};

use crate::EmbeddedStore;
use crate::rows::TokenOwner;
use crate::table::{Key, Table};

fn key(app: &AppId, channel: Channel, token: &str) -> Key {
    Key::of(Table::VendorTokens).app(app).channel(channel).raw(token.as_bytes())
}

impl VendorTokens for EmbeddedStore {
    async fn token_owner(&self, app: &AppId, channel: Channel, token: &str) -> Result<Option<DeviceId>> {
        let owner = self.engine().noun::<TokenOwner>(&key(app, channel, token));
        owner.map(|owner| owner.map(|owner| owner.device)).map_err(|error| error.in_port("look for the token's owner"))
    }

    async fn claim_token(
        &self,
        app: &AppId,
        channel: Channel,
        token: &str,
        device: DeviceId,
    ) -> Result<Option<DeviceId>> {
        let key = key(app, channel, token);
        self.commit("claim the token", move |view| {
            let stored = view.noun::<TokenOwner>(&key)?;
            if let Some(stored) = stored.filter(|stored| stored.device == device) {
                return Ok(stored.before);
            }
            let before = stored.map(|stored| stored.device);
            view.put_noun(key, &TokenOwner { device, before });
            Ok(before)
        })
        .await
    }

    async fn release_token(&self, app: &AppId, channel: Channel, token: &str, device: DeviceId) -> Result<()> {
        let key = key(app, channel, token);
        self.commit("release the token", move |view| {
            if view.noun::<TokenOwner>(&key)?.is_some_and(|stored| stored.device == device) {
                view.delete(key);
            }
            Ok(())
        })
        .await
    }
}
