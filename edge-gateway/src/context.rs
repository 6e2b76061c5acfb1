//! What every task of one gateway shares.

use std::sync::{Arc, OnceLock};

use homing_credentials::verify_hello;
use homing_domain::{AppId, GatewayRef, UnixMillis};
use homing_link::server::Claim;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::app_settings::{AppSettings, SettingsOfApps};
use crate::bodies::Bodies;
use crate::config::GatewayConfig;
use crate::drain::Drain;
use crate::feed_counts::FeedCounter;
use crate::feeds::AppFeeds;
use crate::lease::Standing;
use crate::outbox::Outbox;
use crate::ports::GatewayPorts;
use crate::presence::PresenceEvents;
use crate::registry::Registry;
use crate::tls::PresentCertificate;
use crate::undelivered::Returns;

/// One gateway.
#[derive(Debug)]
pub(crate) struct Context<P> {
    pub(crate) ports: Arc<P>,
    pub(crate) config: GatewayConfig,
    pub(crate) gateway: GatewayRef,
    /// Port number listened on.
    pub(crate) port: u16,
    pub(crate) certificate: Arc<PresentCertificate>,
    pub(crate) standing: Standing,
    pub(crate) admission: Arc<Admission>,
    pub(crate) registry: Registry,
    pub(crate) bodies: Bodies,
    pub(crate) feeds: AppFeeds,
    pub(crate) feed_counts: FeedCounter,
    pub(crate) apps: SettingsOfApps,
    pub(crate) outbox: Outbox,
    pub(crate) returns: Returns,
    pub(crate) presence: PresenceEvents,
    /// Places for store calls of live and leaving links.
    pub(crate) calls: Semaphore,
    /// Set once devices are asked to move.
    pub(crate) drain: OnceLock<Drain>,
    /// Tasks of links.
    pub(crate) links: TaskTracker,
    /// No new connections, and none that is not proven yet.
    pub(crate) closing: CancellationToken,
}

impl<P: GatewayPorts> Context<P> {
    pub(crate) fn now(&self) -> UnixMillis {
        self.ports.now()
    }

    /// What an app wants of its links.
    pub(crate) async fn app(&self, app: &AppId) -> homing_ports::Result<AppSettings> {
        self.apps.of(&*self.ports, app, self.now()).await
    }

    /// Whether the claim's proof is right for this session.
    pub(crate) fn is_proven(&self, claim: &Claim, exporter: &[u8; 32]) -> bool {
        let Claim { key_id, device, credential_generation, conn_seq, auth, .. } = claim;
        self.config.device_keys.device_secret(*key_id, &claim.app, *device, *credential_generation).is_some_and(
            |secret| verify_hello(&secret, exporter, *device, *key_id, *credential_generation, *conn_seq, auth),
        )
    }
}
