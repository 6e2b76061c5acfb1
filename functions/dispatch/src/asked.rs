//! What came of asking vendors, gathered before anything is told.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use homing_contract::queue::v1;
use homing_domain::mailbox::{Route, Withdrawn};
use homing_domain::{Channel, Ended, Event, MessageId, Millis, Notice, Reason, Receipt, Target, UnixMillis, VendorJob};
use homing_ports::{Error, Outgoing, QueueName, StageError, Vendors};

use crate::ask_vendor::CALLS_AT_ONCE;
use crate::cache::Rendered;
use crate::outcome::{tell_ledger, undelivered};
use crate::{Dispatch, Ports};

/// What became of the devices of a vendor job.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) now: UnixMillis,
    message: MessageId,
    receipts: Vec<Receipt>,
    /// A vendor has it, and the mailbox still does.
    pub(crate) taken: Vec<Target>,
    /// Nothing came of it: the next one may try.
    released: Vec<Target>,
    /// To be tried again, by how much later.
    again: BTreeMap<Millis, Vec<Target>>,
    failure: Option<Error>,
}

impl Asked {
    pub(crate) const fn new(message: MessageId, now: UnixMillis) -> Self {
        Self {
            now,
            message,
            receipts: Vec::new(),
            taken: Vec::new(),
            released: Vec::new(),
            again: BTreeMap::new(),
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

    /// Its claim is given up.
    pub(crate) fn release(&mut self, target: Target) {
        self.released.push(target);
    }

    /// Look at it again after so long.
    pub(crate) fn later(&mut self, target: Target, delay: Millis) {
        self.again.entry(delay).or_default().push(target);
    }

    /// A call failed, and the job is to be repeated.
    pub(crate) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }
}

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// The ledger first: what is withdrawn from a mailbox without its knowing would be forgotten.
    pub(crate) async fn settle_asked(&self, message: &Rendered, mut asked: Asked) -> Result<Option<Error>, StageError> {
        tell_ledger(&*self.ports, &asked.receipts).await?;
        for some in std::mem::take(&mut asked.taken).chunks(CALLS_AT_ONCE) {
            self.withdraw_taken(message, some, &mut asked).await?;
        }
        for some in std::mem::take(&mut asked.released).chunks(CALLS_AT_ONCE) {
            let calls = some.iter().map(|target| self.ports.release_claim(message.id, target.device));
            join_all(calls).await.into_iter().filter_map(Result::err).for_each(|error| asked.fail(error));
        }
        let items: Vec<_> =
            asked.again.into_iter().map(|(delay, targets)| vendor_item(message, targets, delay)).collect();
        if !items.is_empty() {
            self.ports.send(QueueName::Dispatch, items).await?;
        }
        Ok(asked.failure)
    }

    /// What a vendor brings is not sent on the own link as well. If that comes too late the device drops the second one.
    async fn withdraw_taken(
        &self,
        message: &Rendered,
        targets: &[Target],
        asked: &mut Asked,
    ) -> Result<(), StageError> {
        let calls = targets.iter().map(|target| self.ports.withdraw(target.device, message.id, Reason::TakenByVendor));
        for (target, answer) in targets.iter().zip(join_all(calls).await) {
            match answer {
                Ok(Withdrawn::Marked { route: Some(route) }) => {
                    let leases = self.leases.read(&*self.ports, std::iter::once(route)).await?;
                    if let Some(route) = leases.live(Some(route), asked.now) {
                        self.ask_to_read_again(*target, route).await;
                    }
                }
                Ok(Withdrawn::Marked { route: None } | Withdrawn::Tombstoned | Withdrawn::Absent) => {}
                Err(error) => asked.fail(error),
            }
        }
        Ok(())
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
