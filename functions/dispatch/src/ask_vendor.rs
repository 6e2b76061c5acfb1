//! Asks devices' vendors to bring a message.
//!
//! First the delivery is claimed in the ledger's row, so that of several jobs one asks; then the mailbox is read, because
//! whatever was withdrawn before the claim is not asked for. What a vendor took is told to the ledger first and withdrawn
//! from the mailbox then: whoever finds the delivery ended that way withdraws again.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use homing_domain::limits::{QUEUE_DELAY_MAX, VENDOR_CLAIM_KEPT_FOR};
use homing_domain::mailbox::Mailbox;
use homing_domain::{
    Channel, Claimed, Delivery, Device, Flow, Millis, PushBody, Reason, Stage, Target, UnixMillis, VendorAnswer,
    VendorJob, VendorPush,
};
use homing_ports::{Error, StageError, Vendors};

use crate::asked::Asked;
use crate::cache::Rendered;
use crate::hand_off::push_body;
use crate::now_or_never::refusal_of;
use crate::undelivered::live_entry;
use crate::{Dispatch, Ports, over_at};

/// Rows and mailboxes that are read or changed at the same time.
pub(crate) const CALLS_AT_ONCE: usize = 32;

/// Devices by the channel of their vendor, and what each vendor is asked.
type Questions = BTreeMap<Channel, Vec<(Target, VendorPush)>>;

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Asks for the devices of a job that have not got the message by now.
    pub(crate) async fn vendor_job(&self, job: VendorJob) -> Result<(), StageError> {
        let message = self.messages.read_anew(&*self.ports, job.message).await?;
        let failure = self.bring_by_vendor(&message, &job.targets).await?;
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Asks for these devices. A device whose own call failed leaves the others alone: the first such failure is the answer.
    pub(crate) async fn bring_by_vendor(
        &self,
        message: &Rendered,
        targets: &[Target],
    ) -> Result<Option<Error>, StageError> {
        let mut asked = Asked::new(message.id, self.ports.now());
        match why_over(message, asked.now) {
            None => {
                let mut questions = Questions::new();
                for some in targets.chunks(CALLS_AT_ONCE) {
                    let mine = self.claim(message, some, &mut asked).await;
                    let wanted = self.still_wanted(message, mine, &mut asked).await;
                    self.address(message, wanted, &mut questions, &mut asked).await;
                }
                self.ask(message, questions, &mut asked).await;
            }
            Some(reason) if message.is_vendor_only() => {
                for some in targets.chunks(CALLS_AT_ONCE) {
                    // Whoever holds the claim may have reached the vendor before it was over.
                    for target in self.claim(message, some, &mut asked).await {
                        asked.end(target, Channel::Own, reason);
                    }
                }
            }
            // What is in the mailbox is ended there.
            Some(_) => {}
        }
        self.settle_asked(message, asked).await
    }

    /// Those that nobody else is asking for, and that have not ended.
    async fn claim(&self, message: &Rendered, targets: &[Target], asked: &mut Asked) -> Vec<Target> {
        let claim = |target: &Target| self.ports.claim_delivery(message.id, target.device, Channel::Own, asked.now);
        let answers = join_all(targets.iter().map(claim)).await;
        let (mut mine, mut ended) = (Vec::new(), Vec::new());
        for (target, answer) in targets.iter().zip(answers) {
            match answer {
                Ok(Claimed::Granted) => mine.push(*target),
                Ok(Claimed::Taken) => asked.later(*target, VENDOR_CLAIM_KEPT_FOR),
                Ok(Claimed::Ended) => ended.push(*target),
                Err(error) => asked.fail(error),
            }
        }
        if !message.is_vendor_only() {
            self.find_taken(message, &ended, asked).await;
        }
        mine
    }

    /// An earlier run may have told the ledger that a vendor took it, and died before it withdrew the entry.
    async fn find_taken(&self, message: &Rendered, ended: &[Target], asked: &mut Asked) {
        let rows = join_all(ended.iter().map(|target| self.ports.delivery(message.id, target.device))).await;
        for (target, row) in ended.iter().zip(rows) {
            match row {
                Ok(row) if row.as_ref().is_some_and(is_by_vendor) => asked.taken.push(*target),
                Ok(_) => {}
                Err(error) => asked.fail(error),
            }
        }
    }

    /// Those that the message is still for.
    async fn still_wanted(&self, message: &Rendered, targets: Vec<Target>, asked: &mut Asked) -> Vec<Target> {
        let mailboxes = join_all(targets.iter().map(|target| self.ports.mailbox(target.device))).await;
        let mut wanted = Vec::with_capacity(targets.len());
        for (target, mailbox) in targets.into_iter().zip(mailboxes) {
            match mailbox {
                Ok(mailbox) if message.is_vendor_only() => match refusal_of(message, &target, mailbox.as_ref()) {
                    Some(reason) => asked.end(target, Channel::Own, reason),
                    None => wanted.push(target),
                },
                Ok(mailbox) if is_pending(message, mailbox.as_ref()) => wanted.push(target),
                // Acknowledged, unbound, recalled: whoever took the entry away told the ledger.
                Ok(_) => {}
                Err(error) => {
                    asked.release(target);
                    asked.fail(error);
                }
            }
        }
        wanted
    }

    /// Finds each device's address at a vendor that something goes by.
    async fn address(&self, message: &Rendered, targets: Vec<Target>, questions: &mut Questions, asked: &mut Asked) {
        let devices = join_all(targets.iter().map(|target| self.ports.device(&target.device))).await;
        for (target, device) in targets.into_iter().zip(devices) {
            match device {
                Ok(device) => match self.question(message, target, device, asked.now) {
                    Some((channel, push)) => questions.entry(channel).or_default().push((target, push)),
                    None if message.is_vendor_only() => asked.end(target, Channel::Own, Reason::NoVendorToken),
                    None => asked.release(target),
                },
                Err(error) => {
                    asked.release(target);
                    asked.fail(error);
                }
            }
        }
    }

    fn question(
        &self,
        message: &Rendered,
        target: Target,
        device: Option<Device>,
        now: UnixMillis,
    ) -> Option<(Channel, VendorPush)> {
        let token = device.filter(|device| device.app == message.app)?.vendor?;
        let channel = token.channel.parse().ok().filter(|channel| self.serves(*channel))?;
        let body: PushBody = push_body(message, target.variant, now);
        Some((channel, VendorPush { device: target.device, token, body }))
    }

    /// Asks each vendor once.
    async fn ask(&self, message: &Rendered, questions: Questions, asked: &mut Asked) {
        for (channel, some) in questions {
            let (targets, pushes): (Vec<_>, Vec<_>) = some.into_iter().unzip();
            match self.vendors.ask_vendor(channel, pushes).await {
                Ok(answers) => {
                    asked.now = self.ports.now();
                    let accepted = answers.iter().filter(|answer| **answer == VendorAnswer::Accepted).count();
                    tracing::info!(message = %message.id, %channel, asked = targets.len(), accepted, "vendor asked");
                    // Whoever got no answer is asked again when the claim is void.
                    let answers = answers.into_iter().map(Some).chain(std::iter::repeat(None));
                    for (target, answer) in targets.into_iter().zip(answers) {
                        take_answer(message, channel, target, answer, asked);
                    }
                }
                // Some may be taken, so the claims stay: the repeat waits until they are void.
                Err(error) => asked.fail(error),
            }
        }
    }
}

fn take_answer(message: &Rendered, channel: Channel, target: Target, answer: Option<VendorAnswer>, asked: &mut Asked) {
    match answer {
        Some(VendorAnswer::Accepted) => {
            asked.handed_off(target, channel);
            if !message.is_vendor_only() {
                asked.taken.push(target);
            }
        }
        Some(VendorAnswer::InvalidToken | VendorAnswer::Refused) if message.is_vendor_only() => {
            asked.end(target, channel, Reason::VendorRefused);
        }
        // The entry waits in the mailbox.
        Some(VendorAnswer::InvalidToken | VendorAnswer::Refused) => asked.release(target),
        Some(VendorAnswer::Later(delay)) => {
            asked.release(target);
            asked.later(target, delay.clamp(SHORTEST_WAIT, QUEUE_DELAY_MAX));
        }
        None => asked.later(target, VENDOR_CLAIM_KEPT_FOR),
    }
}

/// A vendor that says "later" without a time is not asked in a tight loop.
const SHORTEST_WAIT: Millis = 100;

/// Why nobody is asked for the message any more.
fn why_over(message: &Rendered, now: UnixMillis) -> Option<Reason> {
    match message.flow {
        _ if now >= over_at(message) => Some(Reason::TimeToLive),
        Flow::Aborted => Some(Reason::Aborted),
        Flow::Recalled => Some(Reason::Recalled),
        Flow::Running | Flow::Paused => None,
    }
}

fn is_pending(message: &Rendered, mailbox: Option<&Mailbox>) -> bool {
    mailbox.is_some_and(|mailbox| live_entry(mailbox, message.id).is_some())
}

/// Whether a vendor brought it, or has it.
fn is_by_vendor(row: &Delivery) -> bool {
    row.channel != Channel::Own && matches!(row.stage, Stage::HandedOff | Stage::Delivered)
}
