//! What apps have set for vendors' channels, and how fast vendors are asked.

use std::future::Future;

use homing_domain::{AppId, Channel, ChannelConfig, Throttle};

use crate::{Replaced, Result};

/// Credentials and policies of apps' channels.
pub trait VendorChannels: Send + Sync {
    /// What an app has set for a channel; `None` = nothing yet.
    fn channel_config(
        &self,
        app: &AppId,
        channel: Channel,
    ) -> impl Future<Output = Result<Option<ChannelConfig>>> + Send;

    /// Puts what is set, where the stored revision is `config.revision - 1` (0 = there is none yet).
    fn replace_channel_config(&self, config: ChannelConfig) -> impl Future<Output = Result<Replaced>> + Send;

    /// Forgets what is set. What is not there is no error.
    fn delete_channel_config(&self, app: &AppId, channel: Channel) -> impl Future<Output = Result<()>> + Send;

    /// What is set for any app, in the order of (app, the channel's name), after `after`, at most `limit`.
    fn channel_configs(
        &self,
        after: Option<(AppId, Channel)>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ChannelConfig>>> + Send;
}

/// The token buckets that all who ask a vendor for an app share.
pub trait Throttles: Send + Sync {
    /// As it stands; the default (revision 0) before anything was taken.
    fn throttle(&self, app: &AppId, channel: Channel) -> impl Future<Output = Result<Throttle>> + Send;

    /// Puts it where the stored revision is `throttle.revision - 1`. May be lost with a crash: a bucket that is full again
    /// lets one burst too many through.
    fn replace_throttle(
        &self,
        app: &AppId,
        channel: Channel,
        throttle: Throttle,
    ) -> impl Future<Output = Result<Replaced>> + Send;
}
