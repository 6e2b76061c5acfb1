//! Receipts (received, displayed, opened, dismissed) on their way to the gateway.
//!
//! An Ack has no answer, so a receipt that was sent is kept until a Pong proves that the gateway has read what came before
//! the Ping; when the link ends before that, it is sent again. Receipts are idempotent by (message, device, kind).

use std::collections::VecDeque;

use bytes::Bytes;
use homing_domain::limits::RECEIPTS_PER_REQUEST_MAX;
use homing_domain::{MessageId, UnixMillis};
use homing_wire::{FactKind, FactReceipt};

/// Receipts that a device holds, sent or not, until they are proven to have arrived. A person does not do more in the time
/// between two heartbeats; 50 B each.
pub const RECEIPTS_MAX: usize = 256;

/// Too many wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many wait to be sent")]
pub struct OutboxFull;

#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: VecDeque<FactReceipt>,
    sent: VecDeque<FactReceipt>,
    /// How many of `sent` went before the last Ping.
    before_ping: usize,
}

impl Receipts {
    pub(super) fn push(&mut self, id: MessageId, kind: FactKind, at: UnixMillis) -> Result<(), OutboxFull> {
        if self.waiting.len() + self.sent.len() >= RECEIPTS_MAX {
            return Err(OutboxFull);
        }
        self.waiting.push_back(receipt(id, kind, at));
        Ok(())
    }

    /// A message without a seq is safe. The oldest receipt gives way if need be: a message that is not reported counts as
    /// expired, which is what its sender agreed to.
    pub(super) fn push_received(&mut self, id: MessageId, at: UnixMillis) {
        if self.push(id, FactKind::Received, at).is_err() {
            if self.sent.pop_front().is_some() {
                self.before_ping = self.before_ping.saturating_sub(1);
            } else {
                self.waiting.pop_front();
            }
            self.waiting.push_back(receipt(id, FactKind::Received, at));
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The receipts for one Ack.
    pub(super) fn take(&mut self) -> Vec<FactReceipt> {
        let count = self.waiting.len().min(RECEIPTS_PER_REQUEST_MAX);
        let receipts: Vec<_> = self.waiting.drain(..count).collect();
        self.sent.extend(receipts.iter().cloned());
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        receipts
    }

    pub(super) fn pinged(&mut self) {
        self.before_ping = self.sent.len();
    }

    pub(super) fn ponged(&mut self) {
        self.sent.drain(..self.before_ping);
        self.before_ping = 0;
        if self.sent.is_empty() {
            self.sent = VecDeque::new();
        }
    }

    /// On a new link nothing is proven.
    pub(super) fn requeue(&mut self) {
        self.before_ping = 0;
        while let Some(receipt) = self.sent.pop_back() {
            self.waiting.push_front(receipt);
        }
    }
}

fn receipt(id: MessageId, kind: FactKind, at: UnixMillis) -> FactReceipt {
    FactReceipt { message: Bytes::copy_from_slice(id.as_bytes()), kind: kind as i32, at_ms: at.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(count: u8) -> Receipts {
        let mut receipts = Receipts::default();
        for number in 0..count {
            receipts.push(MessageId::from_bytes([number; 16]), FactKind::Opened, UnixMillis(1)).unwrap();
        }
        receipts
    }

    #[test]
    fn only_what_went_before_an_answered_ping_is_done() {
        let mut receipts = outbox(2);
        assert_eq!(receipts.take().len(), 2);
        receipts.pinged();
        receipts.push(MessageId::from_bytes([9; 16]), FactKind::Opened, UnixMillis(1)).unwrap();
        assert_eq!(receipts.take().len(), 1, "after the ping");
        receipts.ponged();
        receipts.requeue();
        assert_eq!(receipts.take(), [receipt(MessageId::from_bytes([9; 16]), FactKind::Opened, UnixMillis(1))]);
    }

    #[test]
    fn an_ack_holds_a_hundred_and_the_outbox_has_an_end() {
        let mut receipts = outbox(255);
        assert_eq!(receipts.take().len(), 100);
        receipts.push(MessageId::from_bytes([0; 16]), FactKind::Opened, UnixMillis(1)).unwrap();
        assert_eq!(
            receipts.push(MessageId::from_bytes([0; 16]), FactKind::Opened, UnixMillis(1)),
            Err(OutboxFull),
            "sent ones count too"
        );
        receipts.pinged();
        receipts.push_received(MessageId::from_bytes([7; 16]), UnixMillis(2));
        receipts.ponged();
        assert_eq!((receipts.sent.len(), receipts.waiting.len()), (0, 157));
    }
}
