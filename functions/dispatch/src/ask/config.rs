//! What an app has set for a channel, opened and parsed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use homing_channels::{Credential, vendor};
use homing_credentials::{FleetSecret, open};
use homing_domain::{ChannelConfig, ChannelPolicy, Millis, UnixMillis};

use super::access::AccessKeeper;

/// How old a remembered setting may be: a policy is in effect within ten seconds, with room for what is under way.
pub(super) const CONFIG_KEPT_FOR: Millis = 5_000;

/// What an app has set.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) policy: ChannelPolicy,
    /// Why it cannot be used, if it cannot.
    pub(super) credential: Result<Arc<Usable>, String>,
}

/// A credential, and the access that was had for it.
#[derive(Debug)]
pub(super) struct Usable {
    /// Whose parse it is: another policy with the same upload keeps both.
    sealed: Bytes,
    pub(super) credential: Credential,
    pub(super) access: AccessKeeper,
    /// Whether the vendor took a message for any device with it, in this process.
    has_reached: AtomicBool,
}

impl Usable {
    /// Whether it is known to reach devices; `now` = it just did.
    pub(super) fn reaches(&self, now: bool) -> bool {
        // It only ever becomes true, and who sees it late spares a token once more.
        if now {
            self.has_reached.store(true, Ordering::Relaxed);
        }
        now || self.has_reached.load(Ordering::Relaxed)
    }
}

/// What was read last, and when.
#[derive(Debug, Default)]
pub(super) struct ConfigCache(Mutex<Option<(UnixMillis, Option<Arc<Opened>>)>>);

impl ConfigCache {
    /// What was read a moment ago: the outer `None` = it is to be read.
    pub(super) fn fresh(&self, now: UnixMillis) -> Option<Option<Arc<Opened>>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, opened) = known.as_ref()?;
        (*read_at <= now && now.since(*read_at) < CONFIG_KEPT_FOR).then(|| opened.clone())
    }

    /// Keeps what was read just now.
    pub(super) fn keep(
        &self,
        config: Option<ChannelConfig>,
        fleet: &FleetSecret,
        now: UnixMillis,
    ) -> Option<Arc<Opened>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.take().and_then(|(_, opened)| opened).and_then(|opened| opened.credential.clone().ok());
        let opened = config.and_then(|config| opened(&config, before, fleet, now)).map(Arc::new);
        *known = Some((now, opened.clone()));
        opened
    }
}

/// `None` = there is no credential, so nothing goes by the channel.
fn opened(config: &ChannelConfig, before: Option<Arc<Usable>>, fleet: &FleetSecret, now: UnixMillis) -> Option<Opened> {
    let sealed = &config.credential.as_ref()?.sealed;
    let credential = match before {
        Some(usable) if usable.sealed == *sealed => Ok(usable),
        _ => parsed(config, sealed, fleet, now).map(Arc::new),
    };
    Some(Opened { policy: config.policy, credential })
}

fn parsed(config: &ChannelConfig, sealed: &Bytes, fleet: &FleetSecret, now: UnixMillis) -> Result<Usable, String> {
    let holder = format!("{}/{}", config.app, config.channel);
    let upload = open(fleet, &holder, sealed).map_err(|error| error.to_string())?;
    // What serde says may hold a part of the text.
    let upload = serde_json::from_slice(&upload).map_err(|_| "what is stored is no JSON".to_owned())?;
    let vendor = vendor(config.channel).ok_or("the own link has no credential")?;
    let credential = vendor.read_credential(&upload, now).map_err(|error| error.to_string())?;
    Ok(Usable {
        sealed: sealed.clone(),
        credential,
        access: AccessKeeper::default(),
        has_reached: AtomicBool::new(false),
    })
}
