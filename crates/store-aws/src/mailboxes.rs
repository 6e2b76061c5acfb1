//! Mailboxes: one item per device.
//!
//! The operations of every push and every connect (enqueue, takeover, detach) are one update in place whose condition is the
//! model's common case; the item as it was before comes back and goes through the model, which makes the answer. Where the
//! condition does not hold, the item that comes back goes through the model too, and if the model changes anything the whole
//! item is put if nobody wrote in between. All other operations read, run the model, and put. So every answer is the model's.
//!
//! | operation | requests | cost while the item is at most 1 KiB |
//! |---|---|---|
//! | `enqueue`, per device | 1 | 1 WRU; a repeat, a full or a revoked mailbox as well |
//! | `enqueue` with a collapse key | 2 | 1 RRU + 1 WRU |
//! | `enqueue` that the device's user is not the addressee of | 2 | 2 WRU: the refusal is remembered |
//! | `take_over`, `detach` | 1 | 1 WRU; a fenced one as well |
//! | `tombstone`, `trim`, `set_vendor`, `withdraw`, `bind`, `revoke`, `overflow`, `merge_overflow` | 2 | 1 RRU + 1 WRU, or 1 RRU if nothing changes |
//! | `create_mailbox` | 1 | 1 WRU |
//! | `mailbox` | 1 | 1 RRU |
//!
//! A larger item costs 1 WRU for each KiB begun, and 1 RRU for each 4 KiB. Sizes stand in [`row`]. A write that loses a race
//! costs its WRU again. One item takes 1,000 WRU a second, fifty times what one device may be sent.

mod blind;
mod row;

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt};
use homing_domain::limits::HISTORY_KEPT_FOR;
use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{ConnSeq, DeviceId, MessageId, Reason, Seq, UserHash};
use homing_ports::{Created, Error, Fault, Mailboxes, Result};

use crate::AwsStore;
use crate::compare_and_swap::{Decision, Known};
use crate::expression::Expression;
use crate::item::{Item, Table, VERSION, Value, expiry, key};
use crate::one_item::{Call, Written};
use crate::schema::TTL;

/// Devices of one `enqueue` that are under way at a time. At 5 ms a write, a shard of 256 devices takes 40 ms; more at a
/// time would only wait for the one processor of a function.
const ENQUEUE_MAX_CONCURRENT: usize = 32;

/// What an owner's operation answers for a device without a mailbox: nobody can own it.
const NO_OWNER: Fenced = Fenced { current: 0 };

const fn call(operation: &'static str) -> Call {
    Call { operation, table: Table::Mailboxes }
}

fn key_of(device: DeviceId) -> Item {
    key(*device.as_bytes())
}

impl AwsStore {
    /// Runs an operation of the model and puts the item if it changed. `None` = there is no mailbox.
    async fn change_mailbox<A: Send>(
        &self,
        call: Call,
        device: DeviceId,
        known: Known,
        mut run: impl FnMut(&mut Mailbox) -> A + Send,
    ) -> Result<Option<A>> {
        let kept_until = self.shared.clock.now().plus(HISTORY_KEPT_FOR);
        let decide = |item: Option<Item>| {
            let Some(item) = item else { return Ok(Decision { answer: None, write: None }) };
            let ttl = item.get(TTL).cloned();
            let before = row::read(item).map_err(|damaged| damaged.in_port(call.operation))?;
            let mut mailbox = before.clone();
            let answer = run(&mut mailbox);
            let write = (mailbox != before).then(|| {
                // What was revoked is of no use to anyone once its messages are history.
                let ttl = ttl.or_else(|| mailbox.revoked.then(|| expiry(kept_until).into_value()));
                row::write(device, &mailbox).with_some(TTL, ttl).finish()
            });
            Ok(Decision { answer: Some(answer), write })
        };
        self.compare_and_swap(call, key_of(device), known, decide).await
    }

    /// Sends the update in place of an operation's common case; all else goes through [`AwsStore::change_mailbox`].
    async fn update_mailbox<A: Send>(
        &self,
        call: Call,
        device: DeviceId,
        update: Expression,
        mut run: impl FnMut(&mut Mailbox) -> A + Send,
    ) -> Result<Option<A>> {
        match self.update(call, key_of(device), update).await? {
            Written::Done(Some(before)) => {
                let mut mailbox = row::read(before).map_err(|damaged| damaged.in_port(call.operation))?;
                Ok(Some(run(&mut mailbox)))
            }
            // Every condition names an attribute, and so holds for no missing item.
            Written::Done(None) => Err(Error::with_source(Fault::Broken, call.operation, "updated a missing item")),
            Written::Refused(stored) => self.change_mailbox(call, device, Known::Item(stored), run).await,
        }
    }

    async fn enqueue_one(&self, device: DeviceId, request: Enqueue) -> Result<Enqueued> {
        let call = call("enqueue into the mailbox");
        let update = blind::enqueue(&request);
        let run = move |mailbox: &mut Mailbox| mailbox.enqueue(request.clone());
        let answer = match update {
            Some(update) => self.update_mailbox(call, device, update, run).await?,
            None => self.change_mailbox(call, device, Known::Nothing, run).await?,
        };
        Ok(answer.unwrap_or(Enqueued::Unknown))
    }

    /// In their order, as a page that names a device twice wants it.
    async fn enqueue_all(&self, device: DeviceId, requests: Vec<(usize, Enqueue)>) -> Vec<(usize, Result<Enqueued>)> {
        let mut answers = Vec::with_capacity(requests.len());
        for (place, request) in requests {
            answers.push((place, self.enqueue_one(device, request).await));
        }
        answers
    }
}

impl Mailboxes for AwsStore {
    async fn create_mailbox(&self, device: DeviceId, mailbox: Mailbox) -> Result<Created> {
        let item = row::write(device, &mailbox).with(VERSION, 1_u64).finish();
        let is_free = Expression::absent_or_over(self.shared.clock.now());
        match self.put(call("create the mailbox"), item, is_free).await? {
            Written::Done(_) => Ok(Created::New),
            Written::Refused(_) => Ok(Created::Exists),
        }
    }

    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        let call = call("read the mailbox");
        let item = self.get(call, key_of(device)).await?;
        item.map(row::read).transpose().map_err(|damaged| damaged.in_port(call.operation))
    }

    async fn enqueue(&self, requests: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        let mut by_device = HashMap::<DeviceId, Vec<(usize, Enqueue)>>::with_capacity(requests.len());
        for (place, (device, request)) in requests.into_iter().enumerate() {
            by_device.entry(device).or_default().push((place, request));
        }
        let mut answers: Vec<_> = stream::iter(by_device)
            .map(|(device, requests)| self.enqueue_all(device, requests))
            .buffer_unordered(ENQUEUE_MAX_CONCURRENT)
            .concat()
            .await;
        answers.sort_unstable_by_key(|(place, _)| *place);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    async fn take_over(
        &self,
        device: DeviceId,
        takeover: Takeover,
    ) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        let run = move |mailbox: &mut Mailbox| mailbox.take_over(takeover);
        let answer =
            self.update_mailbox(call("take the mailbox over"), device, blind::take_over(&takeover), run).await?;
        Ok(answer.unwrap_or(Err(TakeoverRefused::Revoked)))
    }

    async fn tombstone(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        entries: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        let run = move |mailbox: &mut Mailbox| mailbox.tombstone(conn_seq, &entries);
        let call = call("tombstone entries of the mailbox");
        let answer = self.change_mailbox(call, device, Known::Nothing, run).await?;
        Ok(answer.unwrap_or(Err(NO_OWNER)))
    }

    async fn trim(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        expected_lo: Seq,
        through: Seq,
    ) -> Result<std::result::Result<Trimmed, Fenced>> {
        let run = move |mailbox: &mut Mailbox| mailbox.trim(conn_seq, expected_lo, through);
        let answer = self.change_mailbox(call("trim the mailbox"), device, Known::Nothing, run).await?;
        Ok(answer.unwrap_or(Err(NO_OWNER)))
    }

    async fn detach(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        sent: Seq,
    ) -> Result<std::result::Result<Detached, Fenced>> {
        let run = move |mailbox: &mut Mailbox| mailbox.detach(conn_seq, sent);
        let update = blind::detach(conn_seq, sent);
        let answer = self.update_mailbox(call("detach the mailbox"), device, update, run).await?;
        Ok(answer.unwrap_or(Err(NO_OWNER)))
    }

    async fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> Result<()> {
        let run = move |mailbox: &mut Mailbox| mailbox.has_vendor = has_vendor;
        let call = call("note in the mailbox whether there is a vendor");
        self.change_mailbox(call, device, Known::Nothing, run).await?;
        Ok(())
    }

    async fn withdraw(&self, device: DeviceId, message: MessageId, reason: Reason) -> Result<Withdrawn> {
        let run = move |mailbox: &mut Mailbox| mailbox.withdraw(message, reason);
        let answer = self.change_mailbox(call("withdraw from the mailbox"), device, Known::Nothing, run).await?;
        Ok(answer.unwrap_or(Withdrawn::Absent))
    }

    async fn bind(&self, device: DeviceId, user: Option<UserHash>) -> Result<Option<Rebound>> {
        let run = move |mailbox: &mut Mailbox| mailbox.bind(user);
        self.change_mailbox(call("bind the mailbox"), device, Known::Nothing, run).await
    }

    async fn revoke(&self, device: DeviceId) -> Result<Option<Rebound>> {
        self.change_mailbox(call("revoke the mailbox"), device, Known::Nothing, Mailbox::revoke).await
    }

    async fn overflow(&self, device: DeviceId) -> Result<Option<Overflowed>> {
        self.change_mailbox(call("make room in the mailbox"), device, Known::Nothing, Mailbox::overflow).await
    }

    async fn merge_overflow(&self, device: DeviceId, told: Vec<MessageId>) -> Result<()> {
        let run = move |mailbox: &mut Mailbox| mailbox.merge_overflow(&told);
        self.change_mailbox(call("merge tombstones of the mailbox"), device, Known::Nothing, run).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
