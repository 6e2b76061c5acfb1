//! The rest of the small world: mailboxes, settings and the index of tokens.

use std::sync::Arc;

use homing_credentials::{DeviceKeys, FleetSecret};
use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{AppId, Channel, ChannelConfig, ConnSeq, DeviceId, MessageId, Reason, Seq, UserHash};
use homing_endpoint::{Edge, EdgeLimits, EdgeParts};
use homing_ports::{Created, Entropy, Mailboxes, Replaced, Result, VendorChannels, VendorTokens};

use crate::tests::world::World;

struct NoEntropy;

impl Entropy for NoEntropy {
    fn random_16(&self) -> [u8; 16] {
        [7; 16]
    }
}

impl World {
    pub(super) fn edge(self: &Arc<Self>) -> Edge<Self> {
        let fleet_secret = FleetSecret::new([7; 32]);
        Edge::new(EdgeParts {
            ports: Arc::clone(self),
            clock: Arc::clone(self) as _,
            entropy: Arc::new(NoEntropy),
            keys: Arc::new(DeviceKeys::derived(&fleet_secret, 1)),
            fleet_secret,
            public_url: None,
            limits: EdgeLimits::default(),
        })
    }
}

impl VendorTokens for World {
    async fn token_owner(&self, _: &AppId, channel: Channel, token: &str) -> Result<Option<DeviceId>> {
        Ok(self.with(|state| state.token_owners.get(&(channel, token.to_owned())).copied()))
    }

    async fn claim_token(&self, _: &AppId, _: Channel, _: &str, _: DeviceId) -> Result<Option<DeviceId>> {
        unreachable!()
    }

    async fn release_token(&self, _: &AppId, channel: Channel, token: &str, _: DeviceId) -> Result<()> {
        self.with(|state| state.token_owners.remove(&(channel, token.to_owned())));
        Ok(())
    }
}

impl VendorChannels for World {
    async fn channel_config(&self, app: &AppId, channel: Channel) -> Result<Option<ChannelConfig>> {
        let is_it = |config: &ChannelConfig| (&config.app, config.channel) == (app, channel);
        Ok(self.with(|state| state.channel_config.clone().filter(is_it)))
    }

    async fn replace_channel_config(&self, _: ChannelConfig) -> Result<Replaced> {
        unreachable!()
    }

    async fn delete_channel_config(&self, _: &AppId, _: Channel) -> Result<()> {
        unreachable!()
    }

    async fn channel_configs(&self, _: Option<(AppId, Channel)>, _: usize) -> Result<Vec<ChannelConfig>> {
        unreachable!()
    }
}

impl Mailboxes for World {
    async fn mailbox(&self, _: DeviceId) -> Result<Option<Mailbox>> {
        Ok(None)
    }

    async fn set_vendor(&self, _: DeviceId, _: bool) -> Result<()> {
        Ok(())
    }

    async fn create_mailbox(&self, _: DeviceId, _: Mailbox) -> Result<Created> {
        unreachable!()
    }

    async fn bind(&self, _: DeviceId, _: Option<UserHash>) -> Result<Option<Rebound>> {
        unreachable!()
    }

    async fn enqueue(&self, _: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        unreachable!()
    }

    async fn take_over(&self, _: DeviceId, _: Takeover) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        unreachable!()
    }

    async fn tombstone(
        &self,
        _: DeviceId,
        _: ConnSeq,
        _: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        unreachable!()
    }

    async fn trim(&self, _: DeviceId, _: ConnSeq, _: Seq, _: Seq) -> Result<std::result::Result<Trimmed, Fenced>> {
        unreachable!()
    }

    async fn detach(&self, _: DeviceId, _: ConnSeq, _: Seq) -> Result<std::result::Result<Detached, Fenced>> {
        unreachable!()
    }

    async fn withdraw(&self, _: DeviceId, _: MessageId, _: Reason) -> Result<Withdrawn> {
        unreachable!()
    }

    async fn revoke(&self, _: DeviceId) -> Result<Option<Rebound>> {
        unreachable!()
    }

    async fn overflow(&self, _: DeviceId) -> Result<Option<Overflowed>> {
        unreachable!()
    }

    async fn merge_overflow(&self, _: DeviceId, _: Vec<MessageId>) -> Result<()> {
        unreachable!()
    }
}
