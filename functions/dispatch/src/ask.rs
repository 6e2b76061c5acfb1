//! Asks the vendors of apps: what an app has set for a channel decides with which credential, how fast and how often.
//!
//! First devices are admitted: as many as the vendor's servers, the places of this process and the shared token bucket allow.
//! A push for those becomes as many requests as the vendor needs. The answers become what the walk of a message understands ([`VendorAnswer`]), by the app's policy. Everything that is
//! remembered here is of one process and may be lost: a parsed credential, access to a vendor, whether its servers fail.

mod access;
mod admission;
mod answer;
mod bulkhead;
mod carrier;
mod circuit;
mod config;
mod content;
mod elsewhere;
mod lines;
mod requests;
mod throttle;

#[cfg(test)]
mod tests;

pub use admission::Held;
pub use elsewhere::AskedElsewhere;

use std::fmt;
use std::sync::Arc;

use homing_channels::{Origins, Vendor, vendor};
use homing_credentials::FleetSecret;
use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{AppId, Channel, Millis, VendorAnswer, VendorPush};
use homing_ports::{
    Admission, Clock, Entropy, Error, Events, Fault, Outbound, Result, Throttles, VendorChannels, Vendors,
};
use homing_telemetry::VendorAsked;

use admission::nobody;
use answer::Judge;
use bulkhead::Bulkhead;
use config::{CONFIG_KEPT_FOR, Opened};
use lines::{Line, Lines};
use requests::{Batching, Questions, callback_url};

/// Others fill all places for requests to this vendor.
const PLACES_WAIT: Millis = 250;
/// Longest wait for the token bucket: it is asked again then.
const BUCKET_WAIT_MAX: Millis = 60_000;

/// What asking vendors needs from the world.
pub trait AskPorts: VendorChannels + Throttles + Events + Clock {}

impl<P: VendorChannels + Throttles + Events + Clock> AskPorts for P {}

/// Where vendors are, and where they find this installation.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The vendors' servers.
    pub origins: Origins,
    /// Under which base URL vendors reach this installation's HTTP API; `None` = they are not told where to send receipts.
    pub public_url: Option<String>,
}

/// The vendors, as apps have set them up.
pub struct AppVendors<P, O> {
    ports: Arc<P>,
    outbound: Arc<O>,
    entropy: Arc<dyn Entropy>,
    fleet: FleetSecret,
    places: Places,
    lines: Lines,
    bulkhead: Bulkhead,
}

impl<P, O> fmt::Debug for AppVendors<P, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppVendors")
            .field("places", &self.places)
            .field("bulkhead", &self.bulkhead)
            .finish_non_exhaustive()
    }
}

impl<P: AskPorts, O: Outbound> AppVendors<P, O> {
    /// Vendors over these ports. `fleet` opens the credentials.
    #[must_use]
    pub fn new(ports: Arc<P>, outbound: Arc<O>, entropy: Arc<dyn Entropy>, fleet: FleetSecret, places: Places) -> Self {
        Self { ports, outbound, entropy, fleet, places, lines: Lines::default(), bulkhead: Bulkhead::default() }
    }

    /// What an app has set, as of some seconds ago; `None` = nothing goes by this channel.
    async fn opened(&self, line: &Line) -> Result<Option<Arc<Opened>>> {
        let now = self.ports.now();
        if let Some(known) = line.config.fresh(now) {
            return Ok(known);
        }
        let config = self.ports.channel_config(&line.app, line.channel).await?;
        Ok(line.config.keep(config, &self.fleet, now))
    }

    fn line(&self, app: &AppId, channel: Channel) -> Arc<Line> {
        self.lines.line(app, channel, self.ports.now(), || self.jitter())
    }

    /// Answers how many requests were made.
    async fn ask(
        &self,
        line: &Line,
        vendor: &'static dyn Vendor,
        opened: &Opened,
        push: &VendorPush,
        admitted: usize,
        judge: &mut Judge<'_>,
    ) -> u32 {
        let usable = match &opened.credential {
            Ok(usable) => usable,
            Err(unusable) => {
                judge.credential_unusable(unusable);
                return 0;
            }
        };
        let content = match content::of(push, self.ports.now()) {
            Ok(content) => content,
            Err(why) => {
                judge.undecodable(&why);
                return 0;
            }
        };
        let to = &push.to[..admitted.min(push.to.len())];
        if to.is_empty() {
            return 0;
        }
        let questions = Questions {
            ports: &*self.ports,
            entropy: &*self.entropy,
            outbound: &*self.outbound,
            vendor,
            line,
            usable,
            origins: &self.places.origins,
            callback_url: callback_url(&self.fleet, &self.places, line),
        };
        let batching = Batching::of(opened.policy.batch_max, vendor.limits().tokens_max);
        questions.ask(push, &content, to, batching, judge).await;
        batching.requests(to.len())
    }

    /// A share of the rate that was not used.
    async fn give_rest_back(&self, line: &Line, held: &Held, made: u32) {
        let rest = held.requests.saturating_sub(made);
        if rest > 0 {
            held.bucket.give_back(&*self.ports, line, rest).await;
        }
    }

    /// What the answers mean for the app as a whole.
    async fn follow_up(&self, line: &Line, judge: &Judge<'_>) {
        if let Some(until) = judge.paused_until() {
            throttle::pause(&*self.ports, line, until).await;
        }
        for alert in judge.alerts(line, self.ports.now()) {
            // Whoever misses it sees it in the logs and the metrics, and again a while later.
            if let Err(error) = self.ports.publish(vec![alert]).await {
                tracing::warn!(app = %line.app, channel = %line.channel, %error, "an alert was not told");
            }
        }
    }
}

impl<P: AskPorts, O: Outbound> Vendors for AppVendors<P, O> {
    type Held = Option<Held>;

    async fn serves(&self, app: &AppId, channel: Channel) -> Result<bool> {
        Ok(vendor(channel).is_some() && self.opened(&self.line(app, channel)).await?.is_some())
    }

    async fn may_repeat(&self, app: &AppId, channel: Channel) -> Result<bool> {
        let Some(vendor) = vendor(channel) else { return Ok(false) };
        let opened = self.opened(&self.line(app, channel)).await?;
        Ok(vendor.limits().drops_repeats || opened.is_some_and(|opened| opened.policy.repeats_unanswered))
    }

    fn batch_max(&self, channel: Channel) -> usize {
        batch_max(channel)
    }

    async fn admit(&self, app: &AppId, channel: Channel, wanted: usize) -> Result<Admission<Option<Held>>> {
        let Some(vendor) = vendor(channel) else {
            return Err(Error::new(Fault::Broken, "admit to the vendor of the own link"));
        };
        let line = self.line(app, channel);
        match self.opened(&line).await? {
            Some(opened) => self.admit_to(&line, vendor, &opened, wanted).await,
            // It was there a moment ago. The next look finds that nothing goes by this channel any more.
            None => Ok(nobody(CONFIG_KEPT_FOR)),
        }
    }

    async fn ask_vendor(&self, push: &VendorPush, admission: Admission<Option<Held>>) -> Result<Vec<VendorAnswer>> {
        let Some(vendor) = vendor(push.channel) else {
            return Err(Error::new(Fault::Broken, "ask the vendor of the own link"));
        };
        let (line, since) = (self.line(&push.app, push.channel), self.ports.now());
        let Some(opened) = self.opened(&line).await? else {
            return Ok(vec![VendorAnswer::Busy(CONFIG_KEPT_FOR); push.to.len()]);
        };
        let is_probe = admission.held.as_ref().is_some_and(Held::is_probe);
        let mut judge =
            Judge::new(push, &opened.policy, vendor.limits().drops_repeats, self.jitter(), since).probes(is_probe);
        // Without a leave nobody is asked, except that a credential that cannot be used needs none.
        let admitted = admission.held.as_ref().map_or(0, |_| admission.devices);
        if opened.credential.is_ok() {
            judge.busy_from(admitted, if admission.wait > 0 { admission.wait } else { PLACES_WAIT });
        }
        let made = self.ask(&line, vendor, &opened, push, admitted, &mut judge).await;
        if let Some(held) = admission.held {
            self.give_rest_back(&line, &held, made).await;
        }
        let reaches = opened.credential.as_ref().is_ok_and(|usable| usable.reaches(judge.has_taken()));
        judge.spare_what_may_be_ours(reaches);
        self.follow_up(&line, &judge).await;
        let took = self.ports.now().since(since);
        let (message, app, channel, attempt) = (push.body.message, &push.app, push.channel, push.attempt);
        VendorAsked { message, app, channel, attempt, outcomes: &judge.outcomes(), took }.emit();
        Ok(judge.into_answers())
    }

    async fn give_back(&self, app: &AppId, channel: Channel, admission: Admission<Option<Held>>) {
        if let Some(held) = admission.held {
            self.give_rest_back(&self.line(app, channel), &held, 0).await;
        }
    }
}

/// A vendor that takes one device a request is asked for a page at once, in many requests.
fn batch_max(channel: Channel) -> usize {
    match vendor(channel).map_or(1, |vendor| vendor.limits().tokens_max) {
        0 | 1 => SHARD_MAX_DEVICES,
        tokens => tokens.min(SHARD_MAX_DEVICES),
    }
}

impl<P, O> AppVendors<P, O> {
    /// One for all devices of a push: those who failed together share their next job.
    fn jitter(&self) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.entropy.random_16()[..4]);
        u32::from_be_bytes(bytes)
    }
}
