//! The devices' vendors.

use std::future::Future;

use homing_domain::{Channel, VendorAnswer, VendorPush};

use crate::{Error, Fault, Result};

/// Asks vendors to bring messages.
pub trait Vendors: Send + Sync {
    /// Whether anything goes by this channel at all.
    fn serves(&self, channel: Channel) -> bool;

    /// Asks one vendor; answers in the same order. An error means that none is known to be taken, and some may be.
    fn ask_vendor(
        &self,
        channel: Channel,
        pushes: Vec<VendorPush>,
    ) -> impl Future<Output = Result<Vec<VendorAnswer>>> + Send;
}

/// Where nothing goes by any vendor.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoVendors;

impl Vendors for NoVendors {
    fn serves(&self, _: Channel) -> bool {
        false
    }

    async fn ask_vendor(&self, _: Channel, _: Vec<VendorPush>) -> Result<Vec<VendorAnswer>> {
        Err(Error::new(Fault::Broken, "ask a vendor that nothing goes by"))
    }
}
