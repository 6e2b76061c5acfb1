//! The state of every function's router.

use std::fmt;
use std::sync::Arc;

use homing_credentials::{DeviceKeys, FleetSecret};
use homing_domain::{App, AppId, Channel, DeviceId, Millis, UnixMillis};
use homing_ports::{Apps, Clock, Entropy, Settings};

use crate::app_cache::AppCache;
use crate::problem::Problem;
use crate::quota::{Lane, Quotas};

/// What bounds callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeLimits {
    /// Requests per second of one app's servers, where the app has no quota of its own.
    pub business_per_second: u32,
    /// Registrations per second of one app.
    pub registrations_per_second: u32,
    /// Requests per second of one device, with its secret.
    pub device_per_second: u32,
    /// Callbacks per second of one app's vendor, by whoever knows their address.
    pub callbacks_per_second: u32,
    /// How long the body of a callback may take to arrive, in milliseconds. Below the time of a whole request.
    pub callback_within: Millis,
}

impl Default for EdgeLimits {
    /// Ten times what a large sender needs when it names 1,000 devices per request; a million phones that register anew
    /// after a release are through in minutes; a person opens a few messages per second at most, and a request carries a
    /// hundred receipts. A vendor is asked with some thousand requests a second at most, and tells of each once or twice; what
    /// it sends fits into a megabyte, and it has better lines than 1 Mbit/s.
    fn default() -> Self {
        Self {
            business_per_second: 10_000,
            registrations_per_second: 5_000,
            device_per_second: 10,
            callbacks_per_second: 5_000,
            callback_within: 10_000,
        }
    }
}

/// What an [`Edge`] is made of.
#[derive(Clone)]
pub struct EdgeParts<P> {
    /// The ports.
    pub ports: Arc<P>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Keys of device secrets and push tokens.
    pub keys: Arc<DeviceKeys>,
    /// What seals credentials, and what the secrets in URLs of vendors' receipts derive from.
    pub fleet_secret: FleetSecret,
    /// Where others reach this API, without a slash at its end: `https://push.example.com`. `None` = nobody said so.
    pub public_url: Option<String>,
    /// What bounds callers.
    pub limits: EdgeLimits,
}

/// The state of every function's router: the ports, and what checking a caller needs. Cheap to clone; clones share their
/// caches and quotas.
pub struct Edge<P>(Arc<Inner<P>>);

struct Inner<P> {
    parts: EdgeParts<P>,
    apps: AppCache,
    of_apps: Quotas<(AppId, Lane)>,
    of_devices: Quotas<DeviceId>,
    of_callbacks: Quotas<(AppId, Channel)>,
}

impl<P> Edge<P> {
    /// From its parts.
    #[must_use]
    pub fn new(parts: EdgeParts<P>) -> Self {
        Self(Arc::new(Inner {
            parts,
            apps: AppCache::default(),
            of_apps: Quotas::default(),
            of_devices: Quotas::default(),
            of_callbacks: Quotas::default(),
        }))
    }

    /// The ports.
    #[must_use]
    pub fn ports(&self) -> &P {
        &self.0.parts.ports
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.0.parts.clock.now()
    }

    /// Random bytes.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.0.parts.entropy
    }

    /// Keys of device secrets and push tokens.
    #[must_use]
    pub fn keys(&self) -> &DeviceKeys {
        &self.0.parts.keys
    }

    /// What seals credentials, and what the secrets in URLs of vendors' receipts derive from.
    #[must_use]
    pub fn fleet_secret(&self) -> &FleetSecret {
        &self.0.parts.fleet_secret
    }

    /// Where others reach this API, without a slash at its end, if anybody said so.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.0.parts.public_url.as_deref()
    }

    /// Forgets what is cached of an app, after it changed.
    pub fn forget_app(&self, id: &AppId) {
        self.0.apps.forget(id);
    }

    /// Takes one request of an app from its quota.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub fn admit(&self, app: &App, lane: Lane) -> Result<(), Problem> {
        let limits = &self.0.parts.limits;
        let per_second = match lane {
            Lane::Business => app.quota_per_second.unwrap_or(limits.business_per_second),
            Lane::Registration => limits.registrations_per_second,
        };
        let admitted = self.0.of_apps.admit((app.id.clone(), lane), per_second, self.now());
        admitted.map_err(|wait| over_quota("app", per_second, wait))
    }

    /// Takes one callback of an app's vendor from its quota. Ask it only for whoever knew the callback's address, or strangers
    /// use it up.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub fn admit_callback(&self, app: &AppId, channel: Channel) -> Result<(), Problem> {
        let per_second = self.0.parts.limits.callbacks_per_second;
        let admitted = self.0.of_callbacks.admit((app.clone(), channel), per_second, self.now());
        admitted.map_err(|wait| over_quota("vendor", per_second, wait))
    }

    /// What bounds callers.
    #[must_use]
    pub fn limits(&self) -> &EdgeLimits {
        &self.0.parts.limits
    }

    /// Takes one request of a device from its quota.
    pub(crate) fn admit_device(&self, device: DeviceId) -> Result<(), Problem> {
        let per_second = self.0.parts.limits.device_per_second;
        let admitted = self.0.of_devices.admit(device, per_second, self.now());
        admitted.map_err(|wait| over_quota("device", per_second, wait))
    }
}

fn over_quota(who: &str, per_second: u32, wait: Millis) -> Problem {
    let detail = format!("this {who} may make {per_second} such requests per second");
    Problem::new(http::StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", detail).retry_after(wait.div_ceil(1_000).max(1))
}

impl<P: Apps> Edge<P> {
    /// An app, at most 2 s old.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn app(&self, id: &AppId) -> Result<Option<Arc<App>>, Problem> {
        match self.0.apps.recent(id, self.now(), AppCache::KEPT_FOR) {
            Some(app) => Ok(app),
            None => self.read_app(id).await,
        }
    }

    /// An app that `accepts`: a cached one, else one just read, so that a new key is good at once and a flood of wrong
    /// ones does not reach the store each time.
    pub(crate) async fn app_where(
        &self,
        id: &AppId,
        accepts: impl Fn(&App) -> bool,
    ) -> Result<Option<Arc<App>>, Problem> {
        let now = self.now();
        if let Some(cached) = self.0.apps.recent(id, now, AppCache::KEPT_FOR) {
            if let Some(app) = cached
                && accepts(&app)
            {
                return Ok(Some(app));
            }
            if self.0.apps.recent(id, now, AppCache::DOUBTED_AFTER).is_some() {
                return Ok(None);
            }
        }
        Ok(self.read_app(id).await?.filter(|app| accepts(app)))
    }

    async fn read_app(&self, id: &AppId) -> Result<Option<Arc<App>>, Problem> {
        let read_at = self.now();
        let app = self.ports().app(id).await?.map(Arc::new);
        self.0.apps.put(id.clone(), app.clone(), read_at);
        Ok(app)
    }
}

impl<P: Settings> Edge<P> {
    /// Whether this is the operator's token.
    pub(crate) async fn is_operator(&self, digest: &homing_domain::KeyDigest) -> Result<bool, Problem> {
        let settings = self.ports().settings().await?;
        Ok(settings.admin_token.is_some_and(|token| homing_credentials::digests_match(&token, digest)))
    }
}

impl<P> Clone for Edge<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> fmt::Debug for Edge<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").field("limits", &self.0.parts.limits).finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for EdgeParts<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeParts").field("limits", &self.limits).finish_non_exhaustive()
    }
}
