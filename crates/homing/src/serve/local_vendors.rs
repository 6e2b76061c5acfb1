//! The vendors of a server: those that apps have credentials of, and for the others a stand-in, if there is one.

use std::path::Path;
use std::sync::Arc;

use homing_credentials::FleetSecret;
use homing_dispatch::ask::{AppVendors, Places};
use homing_domain::{AppId, Channel, VendorAnswer, VendorPush};
use homing_outbound::HttpOutbound;
use homing_ports::{Admission, Result, Vendors};

use super::error::StartError;
use super::stand_in_vendor::StandInVendor;
use super::start::Ports;
use crate::adapters::SystemEntropy;
use crate::config::Config;

/// The vendors of a server.
#[derive(Debug)]
pub(super) struct LocalVendors {
    of_apps: AppVendors<Ports, HttpOutbound>,
    stand_in: Option<StandInVendor>,
}

impl LocalVendors {
    pub(super) fn open(
        ports: &Ports,
        outbound: Arc<HttpOutbound>,
        fleet: FleetSecret,
        config: &Config,
    ) -> std::result::Result<Self, StartError> {
        let stand_in = config.stand_in_vendor.as_deref().map(open_stand_in).transpose()?;
        let moved =
            Channel::ALL.into_iter().filter_map(|channel| Some((channel, config.vendor_origins.redirects(channel)?)));
        for (channel, url) in moved {
            tracing::warn!(%channel, url, "this vendor is asked elsewhere than at its own servers");
        }
        let places = Places { origins: config.vendor_origins.clone(), public_url: config.public_url.clone() };
        let of_apps = AppVendors::new(Arc::new(ports.clone()), outbound, Arc::new(SystemEntropy), fleet, places);
        Ok(Self { of_apps, stand_in })
    }

    async fn is_of_app(&self, app: &AppId, channel: Channel) -> Result<bool> {
        self.of_apps.serves(app, channel).await
    }
}

fn open_stand_in(path: &Path) -> std::result::Result<StandInVendor, StartError> {
    let stand_in = StandInVendor::open(path).map_err(|source| StartError::of_file(path, source))?;
    tracing::warn!(
        file = %path.display(),
        "a stand-in writes down what vendors would get that an app has no credential of"
    );
    Ok(stand_in)
}

impl Vendors for LocalVendors {
    type Held = <AppVendors<Ports, HttpOutbound> as Vendors>::Held;

    async fn serves(&self, app: &AppId, channel: Channel) -> Result<bool> {
        match &self.stand_in {
            Some(stand_in) => stand_in.serves(app, channel).await,
            None => self.is_of_app(app, channel).await,
        }
    }

    async fn may_repeat(&self, app: &AppId, channel: Channel) -> Result<bool> {
        self.of_apps.may_repeat(app, channel).await
    }

    fn batch_max(&self, channel: Channel) -> usize {
        self.of_apps.batch_max(channel)
    }

    async fn admit(&self, app: &AppId, channel: Channel, wanted: usize) -> Result<Admission<Self::Held>> {
        match &self.stand_in {
            Some(stand_in) if !self.is_of_app(app, channel).await? => {
                Ok(stand_in.admit(app, channel, wanted).await?.map(|()| None))
            }
            _ => self.of_apps.admit(app, channel, wanted).await,
        }
    }

    async fn ask_vendor(&self, push: &VendorPush, admission: Admission<Self::Held>) -> Result<Vec<VendorAnswer>> {
        match &self.stand_in {
            Some(stand_in) if !self.is_of_app(&push.app, push.channel).await? => {
                stand_in.ask_vendor(push, admission.map(drop)).await
            }
            _ => self.of_apps.ask_vendor(push, admission).await,
        }
    }

    async fn give_back(&self, app: &AppId, channel: Channel, admission: Admission<Self::Held>) {
        // The stand-in holds nothing.
        self.of_apps.give_back(app, channel, admission).await;
    }
}
