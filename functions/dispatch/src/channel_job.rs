//! Asks one vendor to bring a message.
//!
//! First the vendor admits devices: as many as may be asked for now. The others go back to the queue unclaimed. Those admitted
//! are claimed in the ledger's rows, so that of several jobs one asks; then their mailboxes are read, because
//! whatever was withdrawn before the claim is not asked for. What a vendor took is told to the ledger first and withdrawn
//! from the mailbox then: whoever finds the delivery ended that way withdraws again. All that is settled before the next
//! are claimed, so that a process that dies leaves no more claims than it was asking for. A claim that nothing came of means
//! that the vendor may have it: whoever finds one does not ask again, except a vendor that may be asked twice.

use futures_util::future::join_all;
use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_domain::{Channel, ChannelJob, Device, Millis, Reason, Target, VendorAddress, VendorAnswer, VendorPush};
use homing_ports::{Admission, Error, StageError, Vendors};

use crate::asked::{Asked, DeadToken};
use crate::cache::Rendered;
use crate::claims::Claim;
use crate::hand_off::push_body;
use crate::vendor_job::{CALLS_AT_ONCE, address_channel, why_over};
use crate::{Dispatch, Ports};

/// A vendor that says "later" without a time is not asked in a tight loop.
const SHORTEST_WAIT: Millis = 100;

/// A leave to ask this vendor.
type Leave<V> = Admission<<V as Vendors>::Held>;

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Asks for the devices of a job that have not got the message by now.
    pub(crate) async fn channel_job(&self, job: ChannelJob) -> Result<(), StageError> {
        let message = self.messages.read_anew(&*self.ports, job.message).await?;
        let mut asked = Asked::new(message.id, self.ports.now(), Some((job.channel, job.attempt)));
        match why_over(&message, asked.now) {
            None => self.walk(&message, &job, &mut asked).await?,
            Some(reason) => self.end_over(&message, &job.targets, reason, &mut asked).await,
        }
        let failure = self.settle_asked(&message, asked).await?;
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn walk(&self, message: &Rendered, job: &ChannelJob, asked: &mut Asked) -> Result<(), StageError> {
        // Before anything is claimed: what cannot be known now is tried again as it is.
        if !self.vendors.serves(&message.app, job.channel).await? {
            self.find_mine(message, job.channel, &job.targets, false, asked).await;
            return Ok(());
        }
        // One push brings one rendering.
        let mut rest = job.targets.clone();
        rest.sort_by_key(|target| target.variant);
        let (mut rest, mut unused) = (&rest[..], None);
        while let Some(first) = rest.first() {
            let alike = rest.partition_point(|target| target.variant == first.variant);
            let leave = match unused.take() {
                Some(leave) => leave,
                None => match self.vendors.admit(&message.app, job.channel, alike).await {
                    Ok(leave) => leave,
                    Err(error) => {
                        asked.fail(error);
                        return Ok(());
                    }
                },
            };
            let (some, others) = rest.split_at(leave.devices.min(alike));
            let (variant, delay) = (first.variant, leave.wait);
            if some.is_empty() {
                put_off(rest, delay, asked);
                return Ok(());
            }
            unused = self.portion(message, job, variant, some, leave, asked).await?;
            rest = others;
            if unused.is_none() && delay > 0 {
                put_off(rest, delay, asked);
                return Ok(());
            }
        }
        if let Some(leave) = unused {
            self.vendors.give_back(&message.app, job.channel, leave).await;
        }
        Ok(())
    }

    /// Claims devices that were admitted, asks for them and ends their claims. Answers the leave if there was nobody to ask for.
    async fn portion(
        &self,
        message: &Rendered,
        job: &ChannelJob,
        variant: u8,
        some: &[Target],
        leave: Leave<V>,
        asked: &mut Asked,
    ) -> Result<Option<Leave<V>>, StageError> {
        asked.now = self.ports.now();
        let mine = self.find_mine(message, job.channel, some, true, asked).await;
        let unused = if mine.is_empty() {
            Some(leave)
        } else {
            self.ask(message, job, variant, mine, leave, asked).await;
            None
        };
        self.settle_claims(message, asked).await?;
        Ok(unused)
    }

    /// Claims devices, and answers those to ask for, with their addresses.
    async fn find_mine(
        &self,
        message: &Rendered,
        channel: Channel,
        some: &[Target],
        is_served: bool,
        asked: &mut Asked,
    ) -> Vec<(Target, VendorAddress)> {
        let mut addressed = Vec::new();
        for some in some.chunks(CALLS_AT_ONCE) {
            let mine = self.claim(message, some, asked).await;
            let wanted = self.still_wanted(message, mine, asked).await;
            let wanted = self.not_asked_before(message, channel, wanted, asked).await;
            self.address(message, channel, is_served, wanted, &mut addressed, asked).await;
        }
        addressed
    }

    /// Finds each device's present address: it may have another than when the job was made.
    async fn address(
        &self,
        message: &Rendered,
        channel: Channel,
        is_served: bool,
        claims: Vec<Claim>,
        addressed: &mut Vec<(Target, VendorAddress)>,
        asked: &mut Asked,
    ) {
        let devices = join_all(claims.iter().map(|claim| self.ports.device(&claim.target.device))).await;
        for (claim, device) in claims.into_iter().zip(devices) {
            let device = match device {
                Ok(device) => device,
                Err(error) => {
                    asked.fail_claimed(claim, error);
                    continue;
                }
            };
            let present = device.as_ref().and_then(|device| address_channel(message, device));
            if present == Some(channel) && is_served {
                if let Some(address) = address_of(claim.target, device) {
                    addressed.push((claim.target, address));
                }
                continue;
            }
            match self.serving(message, device.as_ref()).await {
                Ok(Some(other)) => asked.move_to(other, claim),
                Ok(None) if message.is_vendor_only() => {
                    asked.end_claimed(claim, Channel::Own, Reason::NoVendorToken);
                }
                Ok(None) => asked.release(claim.target),
                Err(error) => asked.fail_claimed(claim, error),
            }
        }
    }

    /// Asks for all devices of one rendering.
    async fn ask(
        &self,
        message: &Rendered,
        job: &ChannelJob,
        variant: u8,
        some: Vec<(Target, VendorAddress)>,
        leave: Leave<V>,
        asked: &mut Asked,
    ) {
        let (targets, to): (Vec<_>, Vec<_>) = some.into_iter().unzip();
        let push = VendorPush {
            app: message.app.clone(),
            channel: job.channel,
            body: push_body(message, variant, self.ports.now()),
            overrides: message.overrides(job.channel),
            attempt: job.attempt,
            to,
        };
        asked.seen += targets.len();
        match self.vendors.ask_vendor(&push, leave).await {
            Ok(answers) => {
                asked.now = self.ports.now();
                // Whoever got no answer may have been asked for.
                let answers = answers.into_iter().chain(std::iter::repeat(VendorAnswer::Unknown));
                for ((target, address), answer) in targets.into_iter().zip(push.to).zip(answers) {
                    take_answer(message, job, target, address, answer, asked);
                }
            }
            Err(error) => nobody_was_asked(targets, error, asked),
        }
    }
}

/// They were not claimed, and this is no try.
fn put_off(targets: &[Target], delay: Millis, asked: &mut Asked) {
    for target in targets {
        asked.again(*target, wait(delay));
    }
}

fn nobody_was_asked(targets: Vec<Target>, error: Error, asked: &mut Asked) {
    for target in targets {
        asked.release(target);
    }
    asked.fail(error);
}

fn address_of(target: Target, device: Option<Device>) -> Option<VendorAddress> {
    Some(VendorAddress { device: target.device, token: device?.vendor? })
}

fn take_answer(
    message: &Rendered,
    job: &ChannelJob,
    target: Target,
    address: VendorAddress,
    answer: VendorAnswer,
    asked: &mut Asked,
) {
    match answer {
        VendorAnswer::Accepted => {
            asked.handed_off(target, job.channel);
            if !message.is_vendor_only() {
                asked.taken.push(target);
            }
        }
        VendorAnswer::InvalidToken(as_of) => {
            asked.dead.push(DeadToken { device: target.device, token: address.token, as_of });
            refused(message, target, job.channel, asked);
        }
        VendorAnswer::Refused => refused(message, target, job.channel, asked),
        VendorAnswer::Later(delay) => {
            asked.release(target);
            asked.next_try(target, wait(delay));
        }
        VendorAnswer::Busy(delay) => {
            asked.release(target);
            asked.again(target, wait(delay));
        }
        VendorAnswer::Unknown => asked.silent(message, target, job.channel),
    }
}

fn refused(message: &Rendered, target: Target, channel: Channel, asked: &mut Asked) {
    if message.is_vendor_only() {
        asked.end(target, channel, Reason::VendorRefused);
    } else {
        // The entry waits in the mailbox.
        asked.release(target);
    }
}

/// A delay that a queue takes, rounded up by an eighth at most: devices that are to wait about as long share a job.
fn wait(delay: Millis) -> Millis {
    let step = 1 << delay.checked_ilog2().unwrap_or(0).saturating_sub(3);
    delay.div_ceil(step).saturating_mul(step).clamp(SHORTEST_WAIT, QUEUE_DELAY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_few_and_hardly_longer() {
        let mut waits: Vec<_> = (1_000..2_000).map(wait).collect();
        assert!(waits.iter().zip(1_000..).all(|(wait, delay)| *wait >= delay && *wait <= delay + delay / 8));
        waits.dedup();
        assert!(waits.len() <= 17, "{}", waits.len());
        assert_eq!([0, 1, 99, 60_000, u64::MAX].map(wait), [100, 100, 104, 61_440, QUEUE_DELAY_MAX]);
    }
}
