//! Access to a vendor, kept for all who send with the same credential.

use futures_util::lock::Mutex;
use homing_channels::{Access, Accesses, Carrier, Failure, Surroundings, Vendor, fetch_access};
use homing_domain::{Millis, UnixMillis};
use homing_ports::Clock;

/// A failure to get access is the answer for all who ask within this time, so that hundreds do not ask one after the other.
const FAILURE_KEPT_FOR: Millis = 2_000;

/// What was had last.
#[derive(Debug, Default)]
pub(super) struct AccessKeeper(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    access: Option<Access>,
    failed: Option<(UnixMillis, Failure)>,
}

/// The keeper with what it takes to get access anew.
pub(super) struct AccessDesk<'a, P, C> {
    pub(super) keeper: &'a AccessKeeper,
    pub(super) vendor: &'a dyn Vendor,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) carrier: &'a C,
    pub(super) ports: &'a P,
}

impl<P: Clock, C: Carrier> Accesses for AccessDesk<'_, P, C> {
    /// One at a time asks, and whoever waited takes what came of it.
    async fn access(&self, stale: Option<&Access>) -> Result<Option<Access>, Failure> {
        let mut kept = self.keeper.0.lock().await;
        let now = self.ports.now();
        let good = kept.access.as_ref().filter(|access| Some(*access) != stale && now < access.renew_at);
        if let Some(access) = good {
            return Ok(Some(access.clone()));
        }
        if let Some((at, failure)) = &kept.failed
            && *at <= now
            && now.since(*at) < FAILURE_KEPT_FOR
        {
            return Err(failure.clone());
        }
        let around = Surroundings { now, ..*self.around };
        match fetch_access(self.vendor, &around, self.carrier, || self.ports.now()).await {
            Ok(access) => {
                *kept = Kept { access: access.clone(), failed: None };
                Ok(access)
            }
            Err(failure) => {
                kept.failed = Some((self.ports.now(), failure.clone()));
                Err(failure)
            }
        }
    }
}
