//! Who has which address at a vendor.

use std::future::Future;

use homing_domain::{AppId, Channel, DeviceId};

use crate::Result;

/// The index from a vendor's token to the device that reported it last. A hint: the device's own row decides. One whose row
/// names another token by now does not have this one.
pub trait VendorTokens: Send + Sync {
    /// Who reported it last.
    fn token_owner(
        &self,
        app: &AppId,
        channel: Channel,
        token: &str,
    ) -> impl Future<Output = Result<Option<DeviceId>>> + Send;

    /// Makes a device its owner, and answers who was before, if it was another. A repeat is answered the same, so that whoever
    /// died before it acted on the answer does so then.
    fn claim_token(
        &self,
        app: &AppId,
        channel: Channel,
        token: &str,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<DeviceId>>> + Send;

    /// Forgets the token, if it is this device's.
    fn release_token(
        &self,
        app: &AppId,
        channel: Channel,
        token: &str,
        device: DeviceId,
    ) -> impl Future<Output = Result<()>> + Send;
}
