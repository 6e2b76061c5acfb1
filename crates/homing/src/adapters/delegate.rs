//! The ports that drills stand before: queues, notices, mailboxes.

use bytes::Bytes;
use homing_contract::queue;
use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{
    ConnSeq, DeviceId, Event, GatewayRef, MessageId, Millis, Notice, Reason, Receipt, ReceiptBatch, Seq, Stage,
    UserHash,
};
use homing_ports::{
    Created, DeadLetter, Mailboxes, NoticeSource, Notices, Outgoing, QueueName, Queues, ReceiptHandle, Received, Result,
};

use super::{Adapters, Caller, FailPoint};

/// Whether a receipt in it says that a vendor has the message.
fn tells_what_a_vendor_took(item: &Outgoing) -> bool {
    let batch = queue::decode::<ReceiptBatch>(&item.body);
    let is_handed_off = |receipt: &Receipt| matches!(receipt.event, Event::Ended(end) if end.stage == Stage::HandedOff);
    batch.is_ok_and(|batch| batch.receipts.iter().any(is_handed_off))
}

impl<S: Queues> Queues for Adapters<S> {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        match (queue, self.caller) {
            (QueueName::Audience, Caller::Http) => self.drills.pass(FailPoint::BeforeAudienceSend),
            (QueueName::Receipts, Caller::Gateway) => self.drills.pass(FailPoint::AcksUnflushed),
            (QueueName::Receipts, Caller::Worker)
                if self.drills.wait_at(FailPoint::BetweenVendorAndLedger)
                    && items.iter().any(tells_what_a_vendor_took) =>
            {
                self.drills.pass(FailPoint::BetweenVendorAndLedger);
            }
            _ => {}
        }
        self.store.send(queue, items).await
    }

    async fn receive(&self, queue: QueueName, max: usize, wait: Millis) -> Result<Vec<Received>> {
        self.store.receive(queue, max, wait).await
    }

    async fn delete(&self, queue: QueueName, handles: Vec<ReceiptHandle>) -> Result<()> {
        self.store.delete(queue, handles).await
    }

    async fn retry(&self, queue: QueueName, handle: ReceiptHandle, delay: Millis, reason: &str) -> Result<()> {
        self.store.retry(queue, handle, delay, reason).await
    }

    async fn give_up(&self, queue: QueueName, item: Received, reason: &str) -> Result<()> {
        self.store.give_up(queue, item, reason).await
    }

    async fn dead_letters(&self, queue: QueueName, limit: usize) -> Result<Vec<DeadLetter>> {
        self.store.dead_letters(queue, limit).await
    }

    async fn redrive(&self, queue: QueueName, id: Bytes) -> Result<()> {
        self.store.redrive(queue, id).await
    }

    async fn depth(&self, queue: QueueName) -> Result<u64> {
        self.store.depth(queue).await
    }
}

impl<S: Notices> Notices for Adapters<S> {
    async fn notify(&self, gateway: GatewayRef, notices: Vec<Notice>) -> Result<()> {
        if notices.iter().any(|notice| matches!(notice, Notice::HandOff(_))) {
            self.drills.pass(FailPoint::BetweenEnqueueAndHandOff);
        }
        self.store.notify(gateway, notices).await
    }
}

impl<S: NoticeSource> NoticeSource for Adapters<S> {
    async fn take_notices(&self, gateway: GatewayRef, max: usize, wait: Millis) -> Result<Vec<Notice>> {
        self.store.take_notices(gateway, max, wait).await
    }
}

impl<S: Mailboxes> Mailboxes for Adapters<S> {
    async fn create_mailbox(&self, device: DeviceId, mailbox: Mailbox) -> Result<Created> {
        self.store.create_mailbox(device, mailbox).await
    }

    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        self.store.mailbox(device).await
    }

    async fn enqueue(&self, requests: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        self.store.enqueue(requests).await
    }

    async fn take_over(
        &self,
        device: DeviceId,
        takeover: Takeover,
    ) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        self.store.take_over(device, takeover).await
    }

    async fn tombstone(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        entries: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        self.store.tombstone(device, conn_seq, entries).await
    }

    async fn trim(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        expected_lo: Seq,
        through: Seq,
    ) -> Result<std::result::Result<Trimmed, Fenced>> {
        self.drills.pass(FailPoint::BetweenReceiptsAndTrim);
        self.store.trim(device, conn_seq, expected_lo, through).await
    }

    async fn detach(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        sent: Seq,
    ) -> Result<std::result::Result<Detached, Fenced>> {
        self.store.detach(device, conn_seq, sent).await
    }

    async fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> Result<()> {
        self.store.set_vendor(device, has_vendor).await
    }

    async fn withdraw(&self, device: DeviceId, message: MessageId, reason: Reason) -> Result<Withdrawn> {
        self.store.withdraw(device, message, reason).await
    }

    async fn bind(&self, device: DeviceId, user: Option<UserHash>) -> Result<Option<Rebound>> {
        self.store.bind(device, user).await
    }

    async fn revoke(&self, device: DeviceId) -> Result<Option<Rebound>> {
        self.store.revoke(device).await
    }

    async fn overflow(&self, device: DeviceId) -> Result<Option<Overflowed>> {
        self.store.overflow(device).await
    }

    async fn merge_overflow(&self, device: DeviceId, told: Vec<MessageId>) -> Result<()> {
        self.store.merge_overflow(device, told).await
    }
}
