//! Where devices are only left to their vendors' queues, and another process asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use homing_domain::{AppId, Channel, UnixMillis, VendorAnswer, VendorPush};
use homing_ports::{Admission, Clock, Error, Fault, Result, VendorChannels, Vendors};

use super::batch_max;
use super::config::CONFIG_KEPT_FOR;

/// Apps' channels that are remembered. When there are more, all are forgotten: each is one read.
const KNOWN_MAX: usize = 65_536;

/// When it was looked at, and whether there is a credential.
type Known = HashMap<(AppId, Channel), (UnixMillis, bool)>;

/// The vendors, for a process that has no secrets: it knows which channels have a credential, and asks nobody.
#[derive(Debug)]
pub struct AskedElsewhere<P> {
    ports: Arc<P>,
    known: Mutex<Known>,
}

impl<P: VendorChannels + Clock> AskedElsewhere<P> {
    /// Vendors that others ask.
    #[must_use]
    pub fn new(ports: Arc<P>) -> Self {
        Self { ports, known: Mutex::default() }
    }

    fn fresh(&self, key: &(AppId, Channel), now: UnixMillis) -> Option<bool> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, serves) = known.get(key)?;
        (*at <= now && now.since(*at) < CONFIG_KEPT_FOR).then_some(*serves)
    }
}

impl<P: VendorChannels + Clock> Vendors for AskedElsewhere<P> {
    type Held = ();

    async fn serves(&self, app: &AppId, channel: Channel) -> Result<bool> {
        let (key, now) = ((app.clone(), channel), self.ports.now());
        if channel == Channel::Own {
            return Ok(false);
        }
        if let Some(serves) = self.fresh(&key, now) {
            return Ok(serves);
        }
        let config = self.ports.channel_config(app, channel).await?;
        let serves = config.is_some_and(|config| config.credential.is_some());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key, (now, serves));
        Ok(serves)
    }

    /// Whoever asks knows better.
    async fn may_repeat(&self, _: &AppId, _: Channel) -> Result<bool> {
        Ok(false)
    }

    fn batch_max(&self, channel: Channel) -> usize {
        batch_max(channel)
    }

    async fn admit(&self, _: &AppId, _: Channel, _: usize) -> Result<Admission<()>> {
        Err(Error::new(Fault::Broken, "admit to a vendor in a process that has no credentials"))
    }

    async fn ask_vendor(&self, _: &VendorPush, _: Admission<()>) -> Result<Vec<VendorAnswer>> {
        Err(Error::new(Fault::Broken, "ask a vendor in a process that has no credentials"))
    }

    async fn give_back(&self, _: &AppId, _: Channel, _: Admission<()>) {}
}
