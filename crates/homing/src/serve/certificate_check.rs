//! Once a day: which vendors' certificates of apps are about to expire.

use std::sync::Arc;
use std::time::Duration;

use homing_credentials::FleetSecret;
use homing_outbound::{HttpOutbound, SmtpMail};
use homing_ports::Clock as _;
use homing_schedule::{Ways, check_certificates};

use super::error::StartError;
use super::lifecycle::Group;
use super::start::Ports;
use super::sweeper::every;
use crate::config::Config;

/// Certificates are good for months, and owners are told by days.
const CHECK_EVERY: Duration = Duration::from_secs(86_400);

/// How owners are told.
pub(super) struct Tellers {
    pub(super) mail: Option<Arc<SmtpMail>>,
    pub(super) outbound: Arc<HttpOutbound>,
    pub(super) fleet: FleetSecret,
}

impl Tellers {
    pub(super) fn open(outbound: Arc<HttpOutbound>, fleet: FleetSecret, config: &Config) -> Result<Self, StartError> {
        let mail = config.mail.as_ref().map(SmtpMail::new).transpose();
        let mail = mail.map_err(|error| StartError::Outbound(error.to_string()))?.map(Arc::new);
        Ok(Self { mail, outbound, fleet })
    }
}

/// Checks now and then until the group stops. Who was told is kept with the certificate, so a restart tells nobody twice.
pub(super) fn start(ports: &Ports, tellers: Tellers, group: &Group) {
    let (ports, tellers) = (ports.clone(), Arc::new(tellers));
    group.spawn(every(CHECK_EVERY, group.stop.clone(), move || {
        let (ports, tellers) = (ports.clone(), Arc::clone(&tellers));
        async move {
            let Tellers { mail, outbound, fleet } = &*tellers;
            let ways = Ways { mail: mail.as_deref(), outbound: &**outbound, fleet };
            match check_certificates(&ports, &ways, ports.now()).await {
                Ok(checked) => tracing::info!(?checked, "certificates of apps checked"),
                Err(error) => tracing::warn!(%error, "certificates of apps could not be checked"),
            }
        }
    }));
}
