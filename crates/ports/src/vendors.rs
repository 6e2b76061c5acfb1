//! The devices' vendors.

use std::future::Future;

use homing_domain::{AppId, Channel, Millis, VendorAnswer, VendorPush};

use crate::{Error, Fault, Result};

/// Leave to ask a vendor for some devices now. What it holds is given back when it is dropped, but for the share of the rate
/// that all processes have together: for that there is [`Vendors::give_back`].
#[derive(Debug)]
pub struct Admission<H> {
    /// Devices that may be asked for now, in one push: no more than are answered together.
    pub devices: usize,
    /// When the vendor may be asked for the others, in milliseconds from now; 0 = they may be admitted next.
    pub wait: Millis,
    /// What is held for these devices.
    pub held: H,
}

impl<H> Admission<H> {
    /// The same leave with something else held for it.
    pub fn map<T>(self, does: impl FnOnce(H) -> T) -> Admission<T> {
        Admission { devices: self.devices, wait: self.wait, held: does(self.held) }
    }
}

/// Asks vendors to bring messages.
pub trait Vendors: Send + Sync {
    /// What is held for devices that were admitted, until they were asked for.
    type Held: Send;

    /// Whether anything goes by this channel for this app. An answer may be some seconds old.
    fn serves(&self, app: &AppId, channel: Channel) -> impl Future<Output = Result<bool>> + Send;

    /// Whether the vendor may be asked again for a device although it may have the message: it drops repeats, or the app would
    /// rather have it twice than not. An answer may be some seconds old.
    fn may_repeat(&self, app: &AppId, channel: Channel) -> impl Future<Output = Result<bool>> + Send;

    /// Devices that one push should name at most. What is more is asked in several requests.
    fn batch_max(&self, channel: Channel) -> usize;

    /// For how many of so many devices the vendor may be asked now. Nothing is asked, and whoever is not admitted need not be
    /// claimed.
    fn admit(
        &self,
        app: &AppId,
        channel: Channel,
        wanted: usize,
    ) -> impl Future<Output = Result<Admission<Self::Held>>> + Send;

    /// Asks one vendor for devices that were admitted; answers in the same order. For more than were admitted it is too busy.
    /// What was admitted and is not asked for is given back. An error means that nobody was asked.
    fn ask_vendor(
        &self,
        push: &VendorPush,
        admission: Admission<Self::Held>,
    ) -> impl Future<Output = Result<Vec<VendorAnswer>>> + Send;

    /// Gives a leave back of which nobody was asked for. It may get lost, which makes the others slower for a moment.
    fn give_back(
        &self,
        app: &AppId,
        channel: Channel,
        admission: Admission<Self::Held>,
    ) -> impl Future<Output = ()> + Send;
}

/// Where nothing goes by any vendor.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoVendors;

impl Vendors for NoVendors {
    type Held = ();

    async fn serves(&self, _: &AppId, _: Channel) -> Result<bool> {
        Ok(false)
    }

    async fn may_repeat(&self, _: &AppId, _: Channel) -> Result<bool> {
        Ok(false)
    }

    fn batch_max(&self, _: Channel) -> usize {
        1
    }

    async fn admit(&self, _: &AppId, _: Channel, _: usize) -> Result<Admission<()>> {
        Err(Error::new(Fault::Broken, "admit to a vendor that nothing goes by"))
    }

    async fn ask_vendor(&self, _: &VendorPush, _: Admission<()>) -> Result<Vec<VendorAnswer>> {
        Err(Error::new(Fault::Broken, "ask a vendor that nothing goes by"))
    }

    async fn give_back(&self, _: &AppId, _: Channel, _: Admission<()>) {}
}
