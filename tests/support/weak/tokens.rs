//! The index of vendors' tokens.

use std::collections::BTreeMap;

use homing_domain::{AppId, Channel, Device, DeviceId};
use homing_ports::{Result, VendorTokens};

use super::{State, Weak};

/// Who reported each token last.
#[derive(Debug, Default)]
pub struct TokenState {
    owners: BTreeMap<(AppId, Channel, String), DeviceId>,
    /// Reports under way that a device has none any more.
    pub leaving: BTreeMap<DeviceId, u32>,
}

impl State {
    /// Only a dead token is taken from a device that did not say so itself, and not if it was reported since.
    pub(super) fn check_token_of(&mut self, before: &Device, after: &Device) {
        let Some(token) = before.vendor.as_ref().filter(|_| after.vendor.is_none()) else { return };
        let id = before.id;
        if self.tokens.leaving.get(&id).is_some_and(|reports| *reports > 0) {
            return;
        }
        let dead_at = self.vendors.dead.get(&(id, token.token.clone())).copied();
        self.coverage.hit("token", "forgotten");
        if dead_at.is_none_or(|dead_at| token.since > dead_at) {
            self.check.violated(format!("{id}: its token {token:?} was forgotten, and is dead since {dead_at:?}"));
        }
    }
}

impl VendorTokens for Weak {
    async fn token_owner(&self, app: &AppId, channel: Channel, token: &str) -> Result<Option<DeviceId>> {
        let key = (app.clone(), channel, token.to_owned());
        self.call("read whose a token is", move |state| Ok(state.tokens.owners.get(&key).copied())).await
    }

    async fn claim_token(
        &self,
        app: &AppId,
        channel: Channel,
        token: &str,
        device: DeviceId,
    ) -> Result<Option<DeviceId>> {
        let key = (app.clone(), channel, token.to_owned());
        self.call("claim a token", move |state| {
            Ok(state.tokens.owners.insert(key, device).filter(|before| *before != device))
        })
        .await
    }

    async fn release_token(&self, app: &AppId, channel: Channel, token: &str, device: DeviceId) -> Result<()> {
        let key = (app.clone(), channel, token.to_owned());
        self.call("release a token", move |state| {
            if state.tokens.owners.get(&key) == Some(&device) {
                state.tokens.owners.remove(&key);
            }
            Ok(())
        })
        .await
    }
}
