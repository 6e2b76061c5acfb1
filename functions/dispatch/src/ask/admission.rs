//! For how many devices a vendor may be asked now: what its servers, this process and the app's rate allow.

use std::sync::Arc;

use homing_channels::Vendor;
use homing_domain::{Millis, UnixMillis};
use homing_ports::{Admission, Outbound, Result};

use super::bulkhead::Places;
use super::circuit::{Gate, PROBE_WAIT};
use super::config::Opened;
use super::lines::Line;
use super::requests::Batching;
use super::throttle::Bucket;
use super::{AppVendors, AskPorts, BUCKET_WAIT_MAX, PLACES_WAIT};

/// Devices that are admitted together, unless one request takes more. A process that dies leaves at most so many of a job as
/// if they had been asked; with fewer, a job would wait for the store more often than for the vendor.
pub(super) const ADMITTED_MAX: usize = 128;

/// What is held for devices that were admitted: places for requests, a share of the rate, and perhaps the one probe of an
/// outage.
#[derive(Debug)]
pub struct Held {
    pub(super) bucket: Bucket,
    /// Requests that were granted.
    pub(super) requests: u32,
    _places: Places,
    probe: Option<Probe>,
}

impl Held {
    /// Whether all others wait for what comes of it.
    pub(super) const fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

/// The one who asks while all others wait. Whoever asked nobody after all lets the next one probe.
#[derive(Debug)]
struct Probe {
    line: Arc<Line>,
    since: UnixMillis,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.line.circuit.give_probe_back(self.since);
    }
}

/// Nobody, for so long.
pub(super) const fn nobody(wait: Millis) -> Admission<Option<Held>> {
    Admission { devices: 0, wait, held: None }
}

impl<P: AskPorts, O: Outbound> AppVendors<P, O> {
    pub(super) async fn admit_to(
        &self,
        line: &Arc<Line>,
        vendor: &'static dyn Vendor,
        opened: &Opened,
        wanted: usize,
    ) -> Result<Admission<Option<Held>>> {
        let limits = vendor.limits();
        let batching = Batching::of(opened.policy.batch_max, limits.tokens_max);
        if opened.credential.is_err() {
            // Nobody is going to be asked, so that takes nothing from those who ask; and each is to be told.
            return Ok(Admission { devices: wanted, wait: 0, held: None });
        }
        let (all, now) = (batching.requests(wanted), self.ports.now());
        let (most, probe) = match line.circuit.gate(now) {
            Gate::Closed(wait) => return Ok(nobody(wait)),
            Gate::Probe => (1, Some(Probe { line: Arc::clone(line), since: now })),
            Gate::Open => (batching.at_once(), None),
        };
        let now_wanted = all.min(most);
        let mut places = self.bulkhead.enter(line.channel, now_wanted);
        let bucket = Bucket::of(&opened.policy, limits.requests_per_second);
        let granted = bucket.take(&*self.ports, line, places.taken(), all).await?;
        let wait = match granted.requests {
            all_granted if all_granted == all => 0,
            some if some < places.taken() => granted.wait.min(BUCKET_WAIT_MAX),
            some if some < now_wanted => PLACES_WAIT,
            _ if probe.is_some() => PROBE_WAIT,
            _ => 0,
        };
        if granted.requests == 0 {
            return Ok(nobody(wait));
        }
        places.keep(granted.requests);
        let held = Held { bucket, requests: granted.requests, _places: places, probe };
        Ok(Admission { devices: batching.devices(granted.requests).min(wanted), wait, held: Some(held) })
    }
}
