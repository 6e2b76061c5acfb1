//! Performs the effects of link machines.

use homing_contract::queue::v1;
use homing_domain::limits::RECEIPT_BATCH_MAX;
use homing_domain::mailbox::{Fenced, Takeover};
use homing_domain::{
    BatchId, DeviceId, MessageId, PushBody, Reason, Receipt, ReceiptBatch, Seq, Undelivered, Upstream,
};
use homing_link::server::{Effect, StoreFault};
use homing_ports::{Error, Mailboxes, Messages, Outgoing, QueueName, Queues, Upstreams};
use homing_tests::weak::Owner;
use homing_wire::{CloseCode, Frame, Resumption};

use super::{Done, Machine};
use crate::agenda::{Event, LinkId};
use crate::mutant::Mutant;
use crate::wire::{End, bytes_of};
use crate::world::{Answer, World};

/// A gateway calls a takeover so often before it gives up without knowing whether it happened.
const TAKEOVER_TRIES: u32 = 2;
/// A gateway gathers receipts for so long.
const FLUSH_AFTER: u64 = 30;

fn fault<T>(answer: Result<Result<T, Fenced>, Error>) -> Result<T, StoreFault> {
    match answer {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(fenced)) => Err(StoreFault::Fenced(fenced)),
        Err(_) => Err(StoreFault::Unavailable),
    }
}

impl World {
    /// Performs everything that a link wants now.
    pub(crate) fn pump(&mut self, gateway: usize, link: LinkId) {
        loop {
            let effect = match self.gateways[gateway].links.get_mut(&link).map(|link| &mut link.machine) {
                Some(Machine::Live(live)) => live.poll(),
                Some(Machine::Leaving(leaving)) => leaving.poll(),
                _ => None,
            };
            let Some(effect) = effect else { break };
            self.perform(gateway, link, effect);
        }
        self.settle_link(gateway, link);
    }

    fn perform(&mut self, gateway: usize, link: LinkId, effect: Effect) {
        let Some(entry) = self.gateways[gateway].links.get(&link) else { return };
        let (wire, conn_seq) = (entry.wire, entry.conn_seq);
        let Some(device) = entry.device else { return };
        match effect {
            Effect::Transmit(frame) => {
                let frame = self.look_at_frame(device, conn_seq, frame);
                if let Some(wire) = wire {
                    self.send(wire, End::Device, bytes_of(&frame));
                }
            }
            Effect::ReadMailbox => {
                self.hit("link", "reads the mailbox again");
                let weak = self.weak.clone();
                self.call(gateway, async move {
                    Done::Mailbox(link, weak.mailbox(device).await.map_err(|_| StoreFault::Unavailable))
                });
            }
            Effect::ReadFeed { after, limit } => self.read_feed(gateway, link, device, after, limit),
            Effect::CountFeed(messages) => self.count_feed(gateway, &messages),
            Effect::FetchBody { message, variant } => self.fetch_body(gateway, link, message, variant),
            Effect::Tombstone(entries) => self.tombstone(gateway, link, device, entries),
            Effect::Record { ticket, receipts } => {
                self.gateways[gateway].outbox.push((link, ticket, receipts));
                if self.is(Mutant::TrimBeforeReceipts) {
                    self.recorded(gateway, link, ticket);
                }
                self.want_flush(gateway);
            }
            Effect::Trim { expected_lo, through } => {
                let weak = self.weak.clone();
                let through = if self.is(Mutant::TrimBeyondAck) { through + 1 } else { through };
                self.call(gateway, async move {
                    Done::Trimmed(link, fault(weak.trim(device, conn_seq, expected_lo, through).await))
                });
            }
            Effect::Detach { sent } => self.detach(gateway, link, device, sent),
            Effect::StoreUpstream(upstream) => self.store_upstream(gateway, link, upstream),
            Effect::Undelivered(undelivered) => self.undelivered(gateway, undelivered),
            Effect::Close(closing) => {
                self.hit("close", close_name(closing.code));
                self.trace(|| format!("gateway {gateway} closes {device} n {conn_seq}: {:?}", closing.code));
                self.close_wire(gateway, link, Some(closing));
                if let Machine::Live(live) = self.take_machine(gateway, link) {
                    self.leave(gateway, link, live);
                }
            }
            Effect::Ended => {
                self.hit("close", "device left");
                self.close_wire(gateway, link, None);
                if let Machine::Live(live) = self.take_machine(gateway, link) {
                    self.leave(gateway, link, live);
                }
            }
        }
    }

    /// What leaves a gateway is looked at: it tells which way a link resumed, and whether it should have left at all.
    fn look_at_frame(&mut self, device: DeviceId, conn_seq: u64, frame: Frame) -> Frame {
        match frame {
            Frame::Welcome(mut welcome) => {
                let is_reset = welcome.resumption == Resumption::Reset as i32;
                self.hit("welcome", if is_reset { "reset" } else { "resumed" });
                if is_reset && self.is(Mutant::ResumedBelowLo) {
                    welcome.resumption = Resumption::Resumed as i32;
                }
                welcome.into()
            }
            Frame::Push(push) => {
                if let Some(message) = MessageId::from_slice(&push.message) {
                    self.trace(|| format!("push {device} n {conn_seq} seq {} {message}", push.seq));
                    let now = self.now();
                    self.state().check.pushed(device, conn_seq, message, now);
                    if push.feed_offset > 0 {
                        self.hit("feed", "pushed");
                        self.check_feed_push(device, message, now);
                    }
                }
                push.into()
            }
            Frame::Skip(skip) => {
                self.trace(|| format!("skip {device} n {conn_seq} to {} ({})", skip.to_seq, skip.count));
                self.hit("skip", "sent");
                skip.into()
            }
            Frame::Recall(recall) => {
                self.hit("recall", "frame sent");
                recall.into()
            }
            other => other,
        }
    }

    /// Runs a port call of a gateway's present life.
    pub(crate) fn call(&mut self, gateway: usize, future: impl Future<Output = Done> + 'static) {
        let owner = self.gateways[gateway].owner;
        let answers = self.answers.clone();
        self.executor.spawn(owner, false, async move {
            let done = future.await;
            answers.borrow_mut().push_back(Answer::Gateway(gateway, owner, Box::new(done)));
        });
    }

    pub(crate) fn call_take_over(&mut self, gateway: usize, link: LinkId, device: DeviceId, takeover: Takeover) {
        let weak = self.weak.clone();
        self.call(gateway, async move {
            for _ in 0..TAKEOVER_TRIES {
                if let Ok(answer) = weak.take_over(device, takeover).await {
                    return Done::TakenOver(link, Some(answer));
                }
                weak.sleep(200).await;
            }
            Done::TakenOver(link, None)
        });
    }

    fn fetch_body(&mut self, gateway: usize, link: LinkId, message: MessageId, variant: u8) {
        self.hit("link", "fetches a body");
        let weak = self.weak.clone();
        self.call(gateway, async move {
            let answer = weak.message(message).await.map_err(|_| StoreFault::Unavailable);
            let body = answer.map(|found| found.map(|message| PushBody::of(&message, variant)));
            Done::Body(link, message, body)
        });
    }

    fn tombstone(&mut self, gateway: usize, link: LinkId, device: DeviceId, entries: Vec<(Seq, Reason)>) {
        let conn_seq = self.gateways[gateway].links.get(&link).map_or(0, |link| link.conn_seq);
        let weak = self.weak.clone();
        if self.is(Mutant::SkipBeforeTombstone) {
            self.call(gateway, async move { Done::Tombstoned(link, Ok(homing_domain::mailbox::Tombstoned)) });
            let late = self.weak.clone();
            let owner = self.gateways[gateway].owner;
            self.executor.spawn(owner, false, async move {
                late.sleep(3_000).await;
                drop(late.tombstone(device, conn_seq, entries).await);
            });
            return;
        }
        self.call(
            gateway,
            async move { Done::Tombstoned(link, fault(weak.tombstone(device, conn_seq, entries).await)) },
        );
    }

    fn detach(&mut self, gateway: usize, link: LinkId, device: DeviceId, sent: Seq) {
        let conn_seq = self.gateways[gateway].links.get(&link).map_or(0, |link| link.conn_seq);
        let weak = self.weak.clone();
        if self.is(Mutant::NoDetach) {
            self.call(gateway, async move { Done::Detached(link, Ok(homing_domain::mailbox::Detached)) });
            return;
        }
        let sent = if self.is(Mutant::DetachForgetsSent) { 0 } else { sent };
        self.call(gateway, async move { Done::Detached(link, fault(weak.detach(device, conn_seq, sent).await)) });
    }

    fn store_upstream(&mut self, gateway: usize, link: LinkId, upstream: Upstream) {
        let weak = self.weak.clone();
        let id = upstream.id;
        self.call(gateway, async move {
            let answer = weak.store_upstream(upstream).await;
            Done::Upstream(link, id, answer.map(drop).map_err(|_| StoreFault::Unavailable))
        });
    }

    /// Tells dispatch that a hand-off found no link.
    pub(crate) fn undelivered(&mut self, gateway: usize, undelivered: Undelivered) {
        self.hit("undelivered", if undelivered.transient { "now or never" } else { "in the mailbox" });
        let weak = self.weak.clone();
        let owner = self.gateways[gateway].owner;
        self.executor.spawn(owner, false, async move {
            let body = v1::encode(&undelivered);
            while weak.send(QueueName::Dispatch, vec![Outgoing::now(body.clone())]).await.is_err() {
                weak.sleep(200).await;
            }
        });
    }

    fn want_flush(&mut self, gateway: usize) {
        if !self.gateways[gateway].is_flushing && !self.gateways[gateway].outbox.is_empty() {
            self.gateways[gateway].is_flushing = true;
            let owner = self.gateways[gateway].owner;
            self.after(FLUSH_AFTER, Event::Flush(gateway, owner));
        }
    }

    /// Sends what was gathered, until it is durable.
    pub(crate) fn flush(&mut self, gateway: usize, owner: Owner) {
        if self.gateways[gateway].owner != owner {
            return;
        }
        let mut receipts: Vec<Receipt> = Vec::new();
        let mut tickets = Vec::new();
        while let Some((_, _, more)) = self.gateways[gateway].outbox.first()
            && (receipts.is_empty() || receipts.len() + more.len() <= RECEIPT_BATCH_MAX)
        {
            let (link, ticket, more) = self.gateways[gateway].outbox.remove(0);
            receipts.extend(more);
            tickets.push((link, ticket));
        }
        self.gateways[gateway].flushes += 1;
        let weak = self.weak.clone();
        let id = batch_id(gateway, self.gateways[gateway].incarnation, self.gateways[gateway].flushes);
        self.call(gateway, async move {
            let body = v1::encode(&ReceiptBatch { id, receipts });
            while weak.send(QueueName::Receipts, vec![Outgoing::now(body.clone())]).await.is_err() {
                weak.sleep(200).await;
            }
            Done::Flushed(tickets)
        });
    }

    pub(crate) fn flushed(&mut self, gateway: usize, tickets: Vec<(LinkId, u64)>) {
        self.gateways[gateway].is_flushing = false;
        for (link, ticket) in tickets {
            self.recorded(gateway, link, ticket);
        }
        self.want_flush(gateway);
    }

    fn recorded(&mut self, gateway: usize, link: LinkId, ticket: u64) {
        self.with_link(gateway, link, |machine, now| match machine {
            Machine::Live(live) => live.recorded(now, ticket),
            Machine::Leaving(leaving) => leaving.recorded(now, ticket),
            _ => {}
        });
    }
}

fn batch_id(gateway: usize, incarnation: u64, flush: u64) -> BatchId {
    let mut bytes = [0; 16];
    bytes[0] = u8::try_from(gateway).unwrap_or(0) + 1;
    bytes[1..8].copy_from_slice(&incarnation.to_be_bytes()[1..]);
    bytes[8..].copy_from_slice(&flush.to_be_bytes());
    BatchId::from_bytes(bytes)
}

pub(crate) const fn close_name(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Normal => "normal",
        CloseCode::Superseded => "superseded",
        CloseCode::StaleConnection => "stale connection",
        CloseCode::Authentication => "authentication",
        CloseCode::Revoked => "revoked",
        CloseCode::Overload => "overload",
        CloseCode::Protocol => "protocol",
        CloseCode::Drain => "drain",
        CloseCode::Idle => "idle",
    }
}
