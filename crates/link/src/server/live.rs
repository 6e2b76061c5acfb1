//! The link owns the device: sends what the mailbox holds, in order, and settles what comes back.

mod feed;
mod inbox;
mod liveness;
mod opening;
mod reading;
mod receiving;
mod records;
mod sending;

use core::net::SocketAddr;
use std::collections::VecDeque;
use std::sync::Arc;

use homing_domain::mailbox::{Fenced, Mailbox, Tombstoned, Trimmed};
use homing_domain::{
    AppId, ConnSeq, DeviceId, Epoch, HandOffTarget, HeartbeatSettings, MessageId, Millis, PushBody, Receipt, Seq,
    Undelivered, UnixMillis, UpstreamId,
};
use homing_wire::{CloseCode, Decoder, Frame, UpAck, UpCode};

use self::feed::FeedLane;
use self::inbox::Inbox;
use self::liveness::Liveness;
pub(super) use self::records::Records;
use super::closing::Closing;
use super::effect::{Effect, StoreFault, Ticket};
use super::feed::FeedPage;
use super::joining::Joining;
use super::leaving::Leaving;
use crate::limits::{REREAD_EVERY, STORE_RETRY_AFTER};

/// A link that owns its device.
///
/// Memory: an idle link keeps its numbers and what was not trimmed yet; queues are released when they are empty. A busy
/// one holds at most the entries of a mailbox (64) and as many early hand-offs (32), and a window (32) of what is sent and one
/// of what waits of the feed, whose bodies it shares.
#[derive(Debug)]
pub struct Live {
    device: DeviceId,
    app: AppId,
    conn_seq: ConnSeq,
    epoch: Epoch,
    window: usize,
    decoder: Decoder,
    inbox: Inbox,
    feed: FeedLane,
    records: Records,
    liveness: Liveness,
    upstreams: Vec<UpstreamId>,
    transients: Vec<(MessageId, UnixMillis)>,
    /// No store call is begun before this: the last one did not succeed.
    retry_at: Option<UnixMillis>,
    reread_at: UnixMillis,
    effects: VecDeque<Effect>,
    is_over: bool,
}

impl Live {
    /// After the takeover: greets the device, settles what it has already, and begins to send.
    pub(super) fn begin(now: UnixMillis, joining: Joining, mailbox: Mailbox, heartbeat: &HeartbeatSettings) -> Self {
        opening::open(now, joining, mailbox, heartbeat)
    }

    /// Which device.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Whose app.
    #[must_use]
    pub const fn app(&self) -> &AppId {
        &self.app
    }

    /// Number of this connection.
    #[must_use]
    pub const fn conn_seq(&self) -> ConnSeq {
        self.conn_seq
    }

    /// While this holds, read nothing from the transport: receipts of this link wait for a queue that does not take them.
    #[must_use]
    pub const fn is_congested(&self) -> bool {
        self.records.is_congested()
    }

    /// The next thing to do, until there is none. After [`Effect::Close`] and [`Effect::Ended`] nothing follows: call
    /// [`Self::leave`].
    pub fn poll(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front();
        if self.effects.is_empty() && self.effects.capacity() > 0 {
            self.effects = VecDeque::new();
        }
        effect
    }

    /// Where the device's bytes come from now; say it before [`Self::receive`]. The next Pong tells the device if it changed:
    /// its network forgot the old address, or it moved.
    pub const fn observed(&mut self, address: SocketAddr) {
        self.liveness.observed(address);
    }

    /// Takes bytes from the device in.
    pub fn receive(&mut self, now: UnixMillis, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        self.liveness.heard(now);
        self.decoder.feed(bytes);
        while !self.is_over {
            match self.decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => self.frame(now, frame),
                Err(error) => self.close(error.into()),
            }
        }
        self.advance(now);
    }

    /// Takes a hand-off in. One of another connection number is used only when it is "now or never": it has no seq, and
    /// nothing else would bring it.
    pub fn hand_off(&mut self, now: UnixMillis, body: &Arc<PushBody>, target: HandOffTarget) {
        if target.conn_seq > self.conn_seq {
            self.close(Closing::superseded(target.conn_seq));
        }
        if target.seq == 0 {
            self.send_transient(now, body);
        } else if !self.is_over && target.conn_seq == self.conn_seq {
            self.inbox.offer(now, body, target);
        }
        self.advance(now);
    }

    /// Hints were lost, or the mailbox changed otherwise: reads it again.
    pub fn reread(&mut self, now: UnixMillis) {
        self.inbox.want_read();
        self.advance(now);
    }

    /// The answer of [`Effect::ReadMailbox`]; no mailbox is a revoked device.
    pub fn mailbox(&mut self, now: UnixMillis, answer: Result<Option<Mailbox>, StoreFault>) {
        self.inbox.read_ended();
        match answer {
            Ok(Some(mailbox)) => self.read(now, &mailbox),
            Ok(None) => self.close(Closing::new(CloseCode::Revoked)),
            Err(fault) => {
                self.inbox.want_read();
                self.failed(now, fault);
            }
        }
        self.advance(now);
    }

    /// The answer of [`Effect::FetchBody`]; `None` = there is no such message any more.
    pub fn body(&mut self, now: UnixMillis, message: MessageId, answer: Result<Option<&PushBody>, StoreFault>) {
        match answer {
            Ok(body) => self.inbox.fetched(message, body),
            Err(fault) => {
                self.inbox.fetch_failed();
                self.failed(now, fault);
            }
        }
        self.advance(now);
    }

    /// The answer of [`Effect::ReadFeed`].
    pub fn feed(&mut self, now: UnixMillis, answer: Result<FeedPage, StoreFault>) {
        match answer {
            Ok(page) => self.feed.read(page, self.window),
            Err(fault) => {
                self.feed.read_failed();
                self.failed(now, fault);
            }
        }
        self.advance(now);
    }

    /// The feed has new entries, or some of its messages were stopped: what is not sent is read again.
    pub fn feed_grew(&mut self, now: UnixMillis) {
        self.feed.want_read();
        self.advance(now);
    }

    /// The answer of [`Effect::Tombstone`].
    pub fn tombstoned(&mut self, now: UnixMillis, answer: Result<Tombstoned, StoreFault>) {
        match answer {
            Ok(Tombstoned) => {
                let buried = self.inbox.buried();
                self.record_buried(now, &buried);
            }
            Err(fault) => {
                self.inbox.bury_failed();
                self.failed(now, fault);
            }
        }
        self.advance(now);
    }

    /// The receipts of this [`Effect::Record`] are durable.
    pub fn recorded(&mut self, now: UnixMillis, ticket: Ticket) {
        self.records.recorded(ticket);
        self.advance(now);
    }

    /// The answer of [`Effect::Trim`].
    pub fn trimmed(&mut self, now: UnixMillis, answer: Result<Trimmed, StoreFault>) {
        self.records.trimmed(now, answer.ok());
        if let Err(fault) = answer {
            self.failed(now, fault);
        }
        self.advance(now);
    }

    /// The mailbox is full: trims all it can.
    pub fn trim_wanted(&mut self, now: UnixMillis) {
        self.records.want_trim();
        self.advance(now);
    }

    /// The answer of [`Effect::StoreUpstream`].
    pub fn upstream_stored(&mut self, now: UnixMillis, id: UpstreamId, answer: Result<(), StoreFault>) {
        let Some(at) = self.upstreams.iter().position(|pending| *pending == id) else {
            return;
        };
        self.upstreams.swap_remove(at);
        if self.upstreams.is_empty() {
            self.upstreams = Vec::new();
        }
        let code = if answer.is_ok() { UpCode::Stored } else { UpCode::Busy };
        self.transmit(UpAck { id, code: code as i32 });
        self.advance(now);
    }

    /// Another connection of the device took over, here or elsewhere. Ignored when it is not a newer one.
    pub fn superseded(&mut self, by: ConnSeq) {
        if by > self.conn_seq {
            self.close(Closing::superseded(by));
        }
    }

    /// The device was deregistered, or its secret revoked.
    pub fn revoked(&mut self) {
        self.close(Closing::new(CloseCode::Revoked));
    }

    /// The gateway ends this link for a reason of its own.
    pub fn end(&mut self, closing: Closing) {
        self.close(closing);
    }

    /// Heartbeat settings changed: tells the device at once.
    pub fn heartbeat_changed(&mut self, settings: &HeartbeatSettings) {
        if let Some(config) = self.liveness.change(settings) {
            self.transmit(config);
        }
    }

    /// The next Pong asks the device to move within `spread`.
    pub const fn drain(&mut self, spread: Millis) {
        self.liveness.drain(spread);
    }

    /// When [`Self::timeout`] is to be called, unless something else happens before.
    #[must_use]
    pub fn next_timeout(&self) -> UnixMillis {
        let mut next = self.reread_at;
        let mut at_latest = |time: Option<UnixMillis>| next = next.min(time.unwrap_or(UnixMillis::NEVER));
        at_latest(self.inbox.gap_at());
        at_latest(self.retry_at);
        at_latest(self.liveness.probe_at());
        at_latest(self.records.trim_at().map(|at| at.max(self.retry_at.unwrap_or(at))));
        if !self.is_congested() {
            at_latest(Some(self.liveness.dead_at()));
            at_latest(self.late_at());
        }
        next
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: UnixMillis) {
        let is_due = |time: Option<UnixMillis>| time.is_some_and(|time| time <= now);
        if !self.is_congested() && (is_due(Some(self.liveness.dead_at())) || is_due(self.late_at())) {
            self.close(Closing::new(CloseCode::Idle));
        }
        if is_due(self.liveness.probe_at()) {
            self.transmit(homing_wire::Probe {});
        }
        if is_due(self.retry_at) {
            self.retry_at = None;
        }
        if is_due(self.inbox.gap_at()) || self.reread_at <= now {
            self.reread_at = now.plus(REREAD_EVERY);
            self.inbox.want_read();
        }
        self.advance(now);
    }

    /// The transport is closed: what remains to be done.
    #[must_use]
    pub fn leave(mut self, now: UnixMillis) -> Leaving {
        for (message, _) in std::mem::take(&mut self.transients) {
            self.undelivered(message);
        }
        let effects = self.effects.into_iter().filter(|effect| {
            matches!(
                effect,
                Effect::Record { .. } | Effect::CountFeed(_) | Effect::Undelivered(_) | Effect::StoreUpstream(_)
            )
        });
        Leaving::new(now, effects.collect(), self.records, self.inbox.position())
    }

    /// When the oldest unacknowledged message is late.
    fn late_at(&self) -> Option<UnixMillis> {
        self.inbox.late_at().into_iter().chain(self.feed.late_at()).min()
    }

    fn transmit(&mut self, frame: impl Into<Frame>) {
        if !self.is_over {
            self.liveness.sent();
            self.effects.push_back(Effect::Transmit(frame.into()));
        }
    }

    fn undelivered(&mut self, message: MessageId) {
        let (device, conn_seq) = (self.device, self.conn_seq);
        self.effects.push_back(Effect::Undelivered(Undelivered { device, conn_seq, message, transient: true }));
    }

    /// Asks for receipts to be made durable. `lowest` is the first seq that must not be trimmed before.
    fn record(&mut self, lowest: Seq, receipts: Vec<Receipt>) {
        if !receipts.is_empty() {
            let ticket = self.records.open(lowest, receipts.len());
            self.effects.push_back(Effect::Record { ticket, receipts });
        }
    }

    fn close(&mut self, closing: Closing) {
        if !self.is_over {
            self.is_over = true;
            self.effects.push_back(Effect::Close(closing));
        }
    }

    fn failed(&mut self, now: UnixMillis, fault: StoreFault) {
        match fault {
            StoreFault::Fenced(Fenced { current }) if current > self.conn_seq => {
                self.close(Closing::superseded(current));
            }
            StoreFault::Fenced(_) => self.close(Closing::new(CloseCode::Revoked)),
            StoreFault::Unavailable => self.retry_at = Some(now.plus(STORE_RETRY_AFTER)),
        }
    }
}

#[cfg(test)]
mod tests;
