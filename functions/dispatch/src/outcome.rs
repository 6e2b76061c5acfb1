//! What became of the devices of one shard, gathered before anything leaves.

use std::collections::BTreeMap;

use homing_contract::queue::v1;
use homing_credentials::receipt_batch_id;
use homing_domain::limits::{FULL_MAILBOX_RETRY, RECEIPT_BATCH_MAX};
use homing_domain::mailbox::Route;
use homing_domain::{
    Channel, DeviceId, Ended, Event, GatewayRef, HandOffTarget, MessageId, Millis, Notice, Reason, Receipt,
    ReceiptBatch, Seq, Shard, Target, UnixMillis,
};
use homing_ports::{Error, Fault, Outgoing, QueueName, Queues, StageError, Vendors};
use homing_telemetry::ShardDispatched;

use crate::asked::vendor_item;
use crate::cache::Rendered;
use crate::{Dispatch, Ports};

/// What became of the devices of a shard.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) now: UnixMillis,
    pub(crate) waiting: usize,
    message: MessageId,
    /// By gateway and variant: devices of one hand-off get the same payload.
    hand_offs: BTreeMap<(GatewayRef, u8), Vec<(Target, HandOffTarget)>>,
    rereads: BTreeMap<GatewayRef, Vec<(Target, Notice)>>,
    receipts: Vec<Receipt>,
    again: Vec<Target>,
    /// Whose vendors are to be asked, after how long.
    vendor_jobs: BTreeMap<Millis, Vec<Target>>,
}

impl Outcome {
    pub(crate) const fn new(message: MessageId, now: UnixMillis) -> Self {
        Self {
            now,
            waiting: 0,
            message,
            hand_offs: BTreeMap::new(),
            rereads: BTreeMap::new(),
            receipts: Vec::new(),
            again: Vec::new(),
            vendor_jobs: BTreeMap::new(),
        }
    }

    /// Hand it to the gateway of this route.
    pub(crate) fn hand_off(&mut self, target: Target, route: Route, seq: Seq, enqueued_at: UnixMillis) {
        let item = HandOffTarget { device: target.device, conn_seq: route.conn_seq, seq, enqueued_at };
        self.hand_offs.entry((route.gateway, target.variant)).or_default().push((target, item));
    }

    /// Let its vendor be asked after so long, unless it has the message by then.
    pub(crate) fn ask_vendor(&mut self, target: Target, delay: Millis) {
        self.vendor_jobs.entry(delay).or_default().push(target);
    }

    /// Tell the gateway of this route that something in the mailbox was withdrawn.
    pub(crate) fn reread(&mut self, target: Target, route: Route) {
        let notice = Notice::Reread { device: target.device, conn_seq: route.conn_seq };
        self.rereads.entry(route.gateway).or_default().push((target, notice));
    }

    /// Its delivery ended here.
    pub(crate) fn end(&mut self, device: DeviceId, reason: Reason) {
        self.end_other(self.message, device, reason);
    }

    /// The delivery of an earlier message to the device ended because of this one.
    pub(crate) fn end_other(&mut self, message: MessageId, device: DeviceId, reason: Reason) {
        self.receipts.push(undelivered(message, device, reason, self.now));
    }

    /// None of these is delivered.
    pub(crate) fn end_all(&mut self, targets: &[Target], reason: Reason) {
        for target in targets {
            self.end(target.device, reason);
        }
    }

    /// Try it again in a moment.
    pub(crate) fn again(&mut self, target: Target) {
        if !self.again.contains(&target) {
            self.again.push(target);
        }
    }
}

/// A receipt for a delivery that ended without the device.
pub(crate) const fn undelivered(message: MessageId, device: DeviceId, reason: Reason, at: UnixMillis) -> Receipt {
    Receipt { message, device, channel: Channel::Own, at, event: Event::Ended(Ended::undelivered(reason, None)) }
}

/// Tells the ledger, durably. A repeat with the same receipts is the same batch.
pub(crate) async fn tell_ledger<P: Queues>(ports: &P, receipts: &[Receipt]) -> Result<(), StageError> {
    if receipts.is_empty() {
        return Ok(());
    }
    let batch = |receipts: &[Receipt]| {
        let batch = ReceiptBatch { id: receipt_batch_id(receipts), receipts: receipts.to_vec() };
        Outgoing::now(v1::encode(&batch))
    };
    let items = receipts.chunks(RECEIPT_BATCH_MAX).map(batch).collect();
    Ok(ports.send(QueueName::Receipts, items).await?)
}

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Lets everything leave: what stops a message before what brings one, then hand-offs, because a person waits for them.
    ///
    /// What must be tried again goes back as a smaller shard of its own, so that devices that are done are not asked
    /// again and one full mailbox does not use up the receives of 255 other devices.
    pub(crate) async fn finish(
        &self,
        message: &Rendered,
        shard: &Shard,
        mut outcome: Outcome,
        mut failure: Option<Error>,
    ) -> Result<(), StageError> {
        failure = failure.or(self.ask_to_reread(&mut outcome).await);
        let mut handed_off = 0;
        for ((gateway, variant), targets) in std::mem::take(&mut outcome.hand_offs) {
            let (targets, items): (Vec<_>, Vec<_>) = targets.into_iter().unzip();
            match self.notify(message, variant, gateway, items, outcome.now).await {
                Ok(true) => handed_off += targets.len(),
                Ok(false) => targets.into_iter().for_each(|target| outcome.again(target)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        self.send_vendor_jobs(message, &mut outcome).await?;
        tell_ledger(&*self.ports, &outcome.receipts).await?;
        if !outcome.again.is_empty() {
            let rest = Shard { targets: outcome.again.clone(), ..shard.clone() };
            let group = Some(message.group.clone());
            let item = Outgoing { body: v1::encode(&rest), delay: FULL_MAILBOX_RETRY, group };
            self.ports.send(QueueName::Dispatch, vec![item]).await?;
        }
        ShardDispatched {
            message: message.id,
            shard: shard.id,
            handed_off,
            waiting: outcome.waiting,
            ended: outcome.receipts.len(),
            again: outcome.again.len(),
            since_wanted: outcome.now.since(message.wanted_at),
        }
        .emit();
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// A job per delay. Whoever is tried again gets one then, so that tries do not add up to jobs.
    async fn send_vendor_jobs(&self, message: &Rendered, outcome: &mut Outcome) -> Result<(), StageError> {
        if outcome.vendor_jobs.is_empty() || !self.has_vendors(&message.app).await? {
            return Ok(());
        }
        let mut items = Vec::new();
        for (delay, mut targets) in std::mem::take(&mut outcome.vendor_jobs) {
            targets.retain(|target| !outcome.again.contains(target));
            if !targets.is_empty() {
                items.push(vendor_item(message, targets, delay));
            }
        }
        if !items.is_empty() {
            self.ports.send(QueueName::Dispatch, items).await?;
        }
        Ok(())
    }

    /// A gateway that was not told is told again in a moment: what it is about to send is not wanted any more.
    async fn ask_to_reread(&self, outcome: &mut Outcome) -> Option<Error> {
        let mut failure = None;
        for (gateway, rereads) in std::mem::take(&mut outcome.rereads) {
            let (targets, notices): (Vec<_>, Vec<_>) = rereads.into_iter().unzip();
            match self.ports.notify(gateway, notices).await {
                Ok(()) => {}
                Err(error) if error.fault == Fault::Broken => failure = failure.or(Some(error)),
                Err(_) => targets.into_iter().for_each(|target| outcome.again(target)),
            }
        }
        failure
    }
}
