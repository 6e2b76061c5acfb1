//! What came of asking vendors, gathered before anything is told.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use homing_contract::queue::v1;
use homing_directory::{Cleaning, Forgotten, forget_token, tell_cleaning_stopped};
use homing_domain::mailbox::{Route, Withdrawn};
use homing_domain::{
    Channel, DeviceId, Ended, Event, MessageId, Millis, Notice, Reason, Receipt, Target, UnixMillis, VendorJob,
    VendorToken,
};
use homing_ports::{Error, Outgoing, QueueName, StageError, Vendors};
use homing_telemetry::{CleaningStopped, LeftToVendor, TokenDied};

use crate::cache::Rendered;
use crate::claims::Claim;
use crate::outcome::{tell_ledger, undelivered};
use crate::vendor_job::{CALLS_AT_ONCE, channel_jobs};
use crate::{Dispatch, Ports};

/// A token that its vendor does not know, or not any more.
#[derive(Debug)]
pub(crate) struct DeadToken {
    pub(crate) device: DeviceId,
    pub(crate) token: VendorToken,
    pub(crate) as_of: UnixMillis,
}

/// What became of the devices of a job.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) now: UnixMillis,
    message: MessageId,
    /// Which vendor is asked, and which try it is; `None` = devices are left to their vendors' queues.
    asks: Option<(Channel, u32)>,
    receipts: Vec<Receipt>,
    /// A vendor has it, and the mailbox still does.
    pub(crate) taken: Vec<Target>,
    /// Devices that the vendor was to be asked for.
    pub(crate) seen: usize,
    /// Tokens to be forgotten.
    pub(crate) dead: Vec<DeadToken>,
    /// Nothing came of it: the next one may try.
    released: Vec<Target>,
    /// To be looked at again, by how much later and as which try.
    again: BTreeMap<(Millis, u32), Vec<Target>>,
    /// Left to a vendor's queue, as its first try.
    left: BTreeMap<(Channel, u32), Vec<Target>>,
    failure: Option<Error>,
}

impl Asked {
    pub(crate) const fn new(message: MessageId, now: UnixMillis, asks: Option<(Channel, u32)>) -> Self {
        Self {
            now,
            message,
            asks,
            receipts: Vec::new(),
            taken: Vec::new(),
            seen: 0,
            dead: Vec::new(),
            released: Vec::new(),
            again: BTreeMap::new(),
            left: BTreeMap::new(),
            failure: None,
        }
    }

    /// A vendor took it.
    pub(crate) fn handed_off(&mut self, target: Target, channel: Channel) {
        let event = Event::Ended(Ended::handed_off(self.now));
        self.receipts.push(Receipt { message: self.message, device: target.device, channel, at: self.now, event });
    }

    /// It does not reach the device.
    pub(crate) fn end(&mut self, target: Target, channel: Channel, reason: Reason) {
        self.receipts.push(Receipt { channel, ..undelivered(self.message, target.device, reason, self.now) });
    }

    /// The same of one that a vendor may have been asked for: then nobody can say that it does not reach it.
    pub(crate) fn end_claimed(&mut self, claim: Claim, channel: Channel, reason: Reason) {
        self.end(claim.target, channel, if claim.asked_before { Reason::VendorSilent } else { reason });
    }

    /// The vendor may have it, and is not asked again. The claim stays, so that no other job asks either; an entry in the
    /// mailbox waits for the device.
    pub(crate) fn silent(&mut self, message: &Rendered, target: Target, channel: Channel) {
        if message.is_vendor_only() {
            self.end(target, channel, Reason::VendorSilent);
        }
    }

    /// Its claim is given up.
    pub(crate) fn release(&mut self, target: Target) {
        self.released.push(target);
    }

    /// Look at it again after so long, as the same try.
    pub(crate) fn again(&mut self, target: Target, delay: Millis) {
        let attempt = self.asks.map_or(0, |(_, attempt)| attempt);
        self.again.entry((delay, attempt)).or_default().push(target);
    }

    /// The vendor is to be asked again after so long.
    pub(crate) fn next_try(&mut self, target: Target, delay: Millis) {
        let attempt = self.asks.map_or(0, |(_, attempt)| attempt.saturating_add(1));
        self.again.entry((delay, attempt)).or_default().push(target);
    }

    /// It is this vendor's affair.
    pub(crate) fn leave_to(&mut self, channel: Channel, target: Target) {
        self.left.entry((channel, 0)).or_default().push(target);
    }

    /// It has another vendor by now.
    pub(crate) fn move_to(&mut self, channel: Channel, claim: Claim) {
        self.release(claim.target);
        self.leave_to(channel, claim.target);
    }

    /// A call failed, and the job is to be repeated.
    pub(crate) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// The same before the vendor was asked for this one. What may have been asked before stays claimed, or nobody would know.
    pub(crate) fn fail_claimed(&mut self, claim: Claim, error: Error) {
        if !claim.asked_before {
            self.release(claim.target);
        }
        self.fail(error);
    }
}

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Tells everybody what came of it, and leaves the rest to queues.
    pub(crate) async fn settle_asked(&self, message: &Rendered, mut asked: Asked) -> Result<Option<Error>, StageError> {
        self.settle_claims(message, &mut asked).await?;
        for (queue, items) in self.items(message, &mut asked) {
            self.ports.send(queue, items).await?;
        }
        Ok(asked.failure)
    }

    /// Ends all claims so far. The ledger first: what is withdrawn from a mailbox without its knowing would be forgotten. What
    /// is to be looked at again stays in hand: until it is left to a queue the job is there, and repeats it.
    pub(crate) async fn settle_claims(&self, message: &Rendered, asked: &mut Asked) -> Result<(), StageError> {
        let told = tell_ledger(&*self.ports, &std::mem::take(&mut asked.receipts)).await;
        if told.is_ok() {
            for some in std::mem::take(&mut asked.taken).chunks(CALLS_AT_ONCE) {
                self.withdraw_taken(message, some, asked).await;
            }
            self.forget_dead(message, asked).await;
        }
        // In any case: a claim that stays says that the vendor may have it.
        self.release(message, asked).await;
        told
    }

    /// Gives claims back. A failed call is tried once more.
    async fn release(&self, message: &Rendered, asked: &mut Asked) {
        let mut claimed = std::mem::take(&mut asked.released);
        for is_last in [false, true] {
            let mut failed = Vec::new();
            for some in claimed.chunks(CALLS_AT_ONCE) {
                let calls = some.iter().map(|target| self.ports.release_claim(message.id, target.device));
                for (target, answer) in some.iter().zip(join_all(calls).await) {
                    match answer {
                        Ok(()) => {}
                        Err(error) if is_last => asked.fail(error),
                        Err(_) => failed.push(*target),
                    }
                }
            }
            claimed = failed;
        }
    }

    /// What follows, by queue.
    fn items(&self, message: &Rendered, asked: &mut Asked) -> BTreeMap<QueueName, Vec<Outgoing>> {
        let mut items: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut groups = vec![(0, std::mem::take(&mut asked.left))];
        for ((delay, attempt), targets) in std::mem::take(&mut asked.again) {
            match asked.asks {
                Some((channel, _)) => groups.push((delay, BTreeMap::from([((channel, attempt), targets)]))),
                None => items.entry(QueueName::Dispatch).or_default().push(vendor_item(message, targets, delay)),
            }
        }
        for (delay, group) in groups {
            for job in channel_jobs(message, group, |channel| self.vendors.batch_max(channel)) {
                LeftToVendor { message: message.id, channel: job.channel, devices: job.targets.len() }.emit();
                let item = Outgoing { body: v1::encode(&job), delay, group: Some(message.group.clone()) };
                // The own link is nobody's vendor, and no job is made for it.
                let queue = QueueName::of_channel(job.channel).unwrap_or(QueueName::Dispatch);
                items.entry(queue).or_default().push(item);
            }
        }
        items
    }

    /// Whatever fails here, the vendor says it again when it is asked again.
    async fn forget_dead(&self, message: &Rendered, asked: &mut Asked) {
        let (dead, seen) = (std::mem::take(&mut asked.dead), std::mem::take(&mut asked.seen));
        let Some((channel, _)) = asked.asks else { return };
        let watched = self.cleaning.note(&message.app, channel, seen, dead.len(), asked.now);
        if watched == (Cleaning::Stopped { is_new: true }) {
            CleaningStopped { app: &message.app, channel, dead: dead.len(), seen }.emit();
            tell_cleaning_stopped(&*self.ports, (&message.app, channel), (dead.len(), seen), asked.now).await;
        }
        for DeadToken { device, token, as_of } in dead {
            let followed_by = match watched {
                Cleaning::Stopped { .. } => "spared",
                Cleaning::Allowed => {
                    let (ports, app) = (&*self.ports, &message.app);
                    match forget_token(ports, app, device, &token, as_of, asked.now).await {
                        Ok(Forgotten::Done) => "forgotten",
                        Ok(Forgotten::Kept) => "kept",
                        Err(error) => {
                            tracing::warn!(%device, %channel, %error, "a dead token was not forgotten");
                            "failed"
                        }
                    }
                }
            };
            TokenDied { device, channel, followed_by }.emit();
        }
    }

    /// What a vendor brings is not sent on the own link as well. If that comes too late the device drops the second one.
    async fn withdraw_taken(&self, message: &Rendered, targets: &[Target], asked: &mut Asked) {
        let calls = targets.iter().map(|target| self.ports.withdraw(target.device, message.id, Reason::TakenByVendor));
        for (target, answer) in targets.iter().zip(join_all(calls).await) {
            let route = match answer {
                Ok(Withdrawn::Marked { route }) => route,
                Ok(Withdrawn::Tombstoned | Withdrawn::Absent) => None,
                Err(error) => {
                    asked.fail(error);
                    None
                }
            };
            let Some(route) = route else { continue };
            match self.leases.read(&*self.ports, std::iter::once(route)).await {
                Ok(leases) => {
                    if let Some(route) = leases.live(Some(route), asked.now) {
                        self.ask_to_read_again(*target, route).await;
                    }
                }
                Err(StageError::Port(error)) => asked.fail(error),
                // The leases are read, or a port failed.
                Err(StageError::Later { .. } | StageError::Poison { .. }) => {}
            }
        }
    }

    async fn ask_to_read_again(&self, target: Target, route: Route) {
        let notice = Notice::Reread { device: target.device, conn_seq: route.conn_seq };
        if let Err(error) = self.ports.notify(route.gateway, vec![notice]).await {
            // It finds the mark when it next looks, and until then the device may get it twice and shows it once.
            let Target { device, .. } = target;
            tracing::warn!(gateway = %route.gateway, %device, %error, "a gateway was not told that a vendor has it");
        }
    }
}

/// A job for these devices' vendors, in the message's turn.
pub(crate) fn vendor_item(message: &Rendered, targets: Vec<Target>, delay: Millis) -> Outgoing {
    let job = VendorJob { message: message.id, targets };
    Outgoing { body: v1::encode(&job), delay, group: Some(message.group.clone()) }
}
