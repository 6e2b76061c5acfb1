//! What comes in from the device.

use homing_domain::limits::{
    RECEIPTS_PER_REQUEST_MAX, UPSTREAM_MAX_BYTES, UPSTREAM_MAX_IN_FLIGHT, UPSTREAM_TOPIC_MAX_BYTES,
};
use homing_domain::{Ended, Event, Fact, MessageId, Receipt, Seq, UnixMillis, Upstream};
use homing_wire::{Ack, CloseCode, FactKind, FactReceipt, Frame, Ping, Pong, Up, UpAck, UpCode};

use super::Live;
use super::inbox::SlotState;
use super::records::Settled;
use crate::server::closing::Closing;
use crate::server::effect::Effect;

impl Live {
    pub(super) fn frame(&mut self, now: UnixMillis, frame: Frame) {
        match frame {
            Frame::Ack(ack) => self.acknowledge(now, &ack),
            Frame::Ping(ping) => self.ping(now, ping),
            Frame::Up(up) => self.upstream(now, up),
            Frame::Close(_) => {
                self.is_over = true;
                self.effects.push_back(Effect::Ended);
            }
            _ => self.break_off(),
        }
    }

    /// The device broke the protocol.
    fn break_off(&mut self) {
        self.close(Closing::new(CloseCode::Protocol));
    }

    fn ping(&mut self, now: UnixMillis, ping: Ping) {
        if let Some(ack) = &ping.ack {
            self.acknowledge(now, ack);
        }
        match self.liveness.ping(now, &ping) {
            Some(pong) => {
                let feed_offset = self.feed.tell();
                self.transmit(Pong { feed_offset, ..pong });
                self.liveness.ask_probe(now, ping.probe_after_ms);
            }
            None => self.break_off(),
        }
    }

    fn acknowledge(&mut self, now: UnixMillis, ack: &Ack) {
        if ack.receipts.len() > RECEIPTS_PER_REQUEST_MAX {
            return self.break_off();
        }
        let (Some(done), Some(of_feed)) = (self.inbox.acknowledge(ack.seq), self.feed.acknowledge(ack.feed_offset))
        else {
            return self.break_off();
        };
        if !of_feed.is_empty() {
            self.effects.push_back(Effect::CountFeed(of_feed));
        }
        let mut lowest = Seq::MAX;
        let mut receipts = Vec::with_capacity(done.len() + ack.receipts.len());
        for slot in done {
            if let SlotState::Sent(sent_at) = slot.state {
                lowest = lowest.min(slot.last);
                let end = Ended::delivered(Some(slot.enqueued_at), Some(sent_at));
                receipts.push(self.receipt(now, slot.message, Event::Ended(end)));
            }
            self.records.settle(now, Settled { last: slot.last, bytes: slot.bytes });
        }
        for fact in &ack.receipts {
            let Some(message) = MessageId::from_slice(&fact.message) else {
                return self.break_off();
            };
            receipts.extend(self.fact(now, message, fact));
        }
        self.record(lowest, receipts);
    }

    /// A receipt from the device, unless it is of a kind that this end does not know.
    fn fact(&mut self, now: UnixMillis, message: MessageId, fact: &FactReceipt) -> Option<Receipt> {
        let at = UnixMillis(fact.at_ms).min(now);
        let kind = match FactKind::try_from(fact.kind).ok()? {
            // Each link brings it to this device again, so it says nothing of how many have it.
            FactKind::Received if self.feed.received(message) => return None,
            FactKind::Received => {
                // It may have been sent on an earlier link, whose end made it expired: delivered is the truth then.
                let index = self.transients.iter().position(|(pending, _)| *pending == message);
                let sent_at = index.map(|index| self.transients.swap_remove(index).1);
                if self.transients.is_empty() {
                    self.transients = Vec::new();
                }
                return Some(self.receipt(now, message, Event::Ended(Ended::delivered(None, sent_at))));
            }
            FactKind::Displayed => Fact::Displayed,
            FactKind::Opened => Fact::Opened,
            FactKind::Dismissed => Fact::Dismissed,
        };
        Some(self.receipt(at, message, Event::Fact(kind)))
    }

    fn upstream(&mut self, now: UnixMillis, up: Up) {
        if self.upstreams.contains(&up.id) {
            return;
        }
        let refusal = if up.payload.len() > UPSTREAM_MAX_BYTES || up.topic.len() > UPSTREAM_TOPIC_MAX_BYTES {
            Some(UpCode::Refused)
        } else if self.upstreams.len() >= UPSTREAM_MAX_IN_FLIGHT {
            Some(UpCode::Busy)
        } else {
            None
        };
        if let Some(code) = refusal {
            return self.transmit(UpAck { id: up.id, code: code as i32 });
        }
        self.upstreams.push(up.id);
        self.effects.push_back(Effect::StoreUpstream(Upstream {
            app: self.app.clone(),
            device: self.device,
            id: up.id,
            topic: up.topic,
            payload: up.payload,
            received_at: now,
        }));
    }
}
