//! Devices that are to be reached by their vendors are handed to the vendors' queues: one job for each vendor and page.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use homing_domain::{AppId, Channel, ChannelJob, Device, Flow, Reason, Target, UnixMillis, VendorJob};
use homing_ports::{Error, StageError, Vendors};

use crate::asked::Asked;
use crate::cache::Rendered;
use crate::{Dispatch, Ports, over_at};

/// Rows and mailboxes that are read or changed at the same time.
pub(crate) const CALLS_AT_ONCE: usize = 32;

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Leaves the devices of a job to their vendors' queues.
    pub(crate) async fn vendor_job(&self, job: VendorJob) -> Result<(), StageError> {
        let message = self.messages.read_anew(&*self.ports, job.message).await?;
        let failure = self.leave_to_vendors(&message, &job.targets).await?;
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Finds each device's vendor. A device whose own call failed leaves the others alone: the first such failure is the
    /// answer, and a repeat leaves the others to their vendors once more, where they are claimed.
    pub(crate) async fn leave_to_vendors(
        &self,
        message: &Rendered,
        targets: &[Target],
    ) -> Result<Option<Error>, StageError> {
        let mut asked = Asked::new(message.id, self.ports.now(), None);
        match why_over(message, asked.now) {
            None => {
                let mut without = Vec::new();
                for some in targets.chunks(CALLS_AT_ONCE) {
                    without.extend(self.find_vendors(message, some, &mut asked).await);
                }
                if message.is_vendor_only() {
                    self.end_without_vendor(message, &without, &mut asked).await;
                }
            }
            Some(reason) => self.end_over(message, targets, reason, &mut asked).await,
        }
        self.settle_asked(message, asked).await
    }

    /// Answers those who have no address at a vendor that something goes by.
    async fn find_vendors(&self, message: &Rendered, targets: &[Target], asked: &mut Asked) -> Vec<Target> {
        let devices = join_all(targets.iter().map(|target| self.ports.device(&target.device))).await;
        let mut without = Vec::new();
        for (target, device) in targets.iter().zip(devices) {
            let channel = match device {
                Ok(device) => self.serving(message, device.as_ref()).await,
                Err(error) => Err(error),
            };
            match channel {
                Ok(Some(channel)) => asked.leave_to(channel, *target),
                Ok(None) => without.push(*target),
                Err(error) => asked.fail(error),
            }
        }
        without
    }

    /// The channel of a device's address, if something goes by it.
    pub(crate) async fn serving(&self, message: &Rendered, device: Option<&Device>) -> Result<Option<Channel>, Error> {
        let Some(channel) = device.and_then(|device| address_channel(message, device)) else { return Ok(None) };
        Ok(self.vendors.serves(&message.app, channel).await?.then_some(channel))
    }

    /// Whether anything goes by any vendor for this app.
    pub(crate) async fn has_vendors(&self, app: &AppId) -> Result<bool, Error> {
        for channel in Channel::ALL.into_iter().filter(|channel| *channel != Channel::Own) {
            if self.vendors.serves(app, channel).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// By the vendor alone, and there is none. Under a claim, because it may have had one a moment ago.
    async fn end_without_vendor(&self, message: &Rendered, targets: &[Target], asked: &mut Asked) {
        for some in targets.chunks(CALLS_AT_ONCE) {
            let mine = self.claim(message, some, asked).await;
            for claim in self.still_wanted(message, mine, asked).await {
                asked.end_claimed(claim, Channel::Own, Reason::NoVendorToken);
            }
        }
    }

    /// Nobody is asked any more. What is in a mailbox is ended there.
    pub(crate) async fn end_over(&self, message: &Rendered, targets: &[Target], reason: Reason, asked: &mut Asked) {
        if !message.is_vendor_only() {
            return;
        }
        for some in targets.chunks(CALLS_AT_ONCE) {
            // Whoever holds the claim may have reached the vendor before it was over.
            for claim in self.claim(message, some, asked).await {
                asked.end_claimed(claim, Channel::Own, reason);
            }
        }
    }
}

/// The vendor of a device of the message's app. The own link is no vendor's.
pub(crate) fn address_channel(message: &Rendered, device: &Device) -> Option<Channel> {
    let token = device.vendor.as_ref().filter(|_| device.app == message.app)?;
    token.channel.parse().ok().filter(|channel| *channel != Channel::Own)
}

/// Jobs for one vendor's queue, each for so many devices as the vendor is asked for at once.
pub(crate) fn channel_jobs(
    message: &Rendered,
    groups: BTreeMap<(Channel, u32), Vec<Target>>,
    batch_max: impl Fn(Channel) -> usize,
) -> Vec<ChannelJob> {
    let mut jobs = Vec::new();
    for ((channel, attempt), targets) in groups {
        for some in targets.chunks(batch_max(channel).clamp(1, homing_domain::limits::SHARD_MAX_DEVICES)) {
            jobs.push(ChannelJob { message: message.id, channel, attempt, targets: some.to_vec() });
        }
    }
    jobs
}

/// Why nobody is asked for the message any more.
pub(crate) fn why_over(message: &Rendered, now: UnixMillis) -> Option<Reason> {
    match message.flow {
        _ if now >= over_at(message) => Some(Reason::TimeToLive),
        Flow::Aborted => Some(Reason::Aborted),
        Flow::Recalled => Some(Reason::Recalled),
        Flow::Running | Flow::Paused => None,
    }
}
