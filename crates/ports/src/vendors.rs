//! The devices' vendors.

use std::future::Future;

use homing_domain::{AppId, Channel, VendorAnswer, VendorPush};

use crate::{Error, Fault, Result};

/// Asks vendors to bring messages.
pub trait Vendors: Send + Sync {
    /// Whether anything goes by this channel for this app. An answer may be some seconds old.
    fn serves(&self, app: &AppId, channel: Channel) -> impl Future<Output = Result<bool>> + Send;

    /// Whether the vendor may be asked again for a device although it may have the message: it drops repeats, or the app would
    /// rather have it twice than not. An answer may be some seconds old.
    fn may_repeat(&self, app: &AppId, channel: Channel) -> impl Future<Output = Result<bool>> + Send;

    /// Devices that one push should name at most. What is more is asked in several requests.
    fn batch_max(&self, channel: Channel) -> usize;

    /// Asks one vendor; answers in the same order. An error means that nobody was asked.
    fn ask_vendor(&self, push: VendorPush) -> impl Future<Output = Result<Vec<VendorAnswer>>> + Send;
}

/// Where nothing goes by any vendor.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoVendors;

impl Vendors for NoVendors {
    async fn serves(&self, _: &AppId, _: Channel) -> Result<bool> {
        Ok(false)
    }

    async fn may_repeat(&self, _: &AppId, _: Channel) -> Result<bool> {
        Ok(false)
    }

    fn batch_max(&self, _: Channel) -> usize {
        1
    }

    async fn ask_vendor(&self, _: VendorPush) -> Result<Vec<VendorAnswer>> {
        Err(Error::new(Fault::Broken, "ask a vendor that nothing goes by"))
    }
}
