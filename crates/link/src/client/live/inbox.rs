//! What stands in the mailbox, as it arrives: in order, and each number accounted for.

use homing_domain::{MessageId, Seq, UnixMillis};
use homing_wire::{Push, Recall, Skip, SkipReason};

use super::{Effect, Live};
use crate::client::arrival::{Arrival, Message};
use crate::client::end::Ended;
use crate::client::memory::{Cursor, Memory};

impl Live {
    pub(super) fn push(&mut self, now: UnixMillis, push: Push, memory: &mut Memory) {
        let Some(message) = Message::from_push(push) else {
            return self.protocol_error();
        };
        if self.is_given_up(memory) {
            return;
        }
        let seq = message.seq;
        if seq == 0 {
            self.effects.extend(memory.arrived(message, now).map(Effect::Commit));
            return;
        }
        if !self.reach(seq, seq, memory) {
            return;
        }
        if seq > memory.received.seq {
            self.effects.extend(memory.arrived(message, now).map(Effect::Commit));
        }
    }

    /// A recall stands in the mailbox like a message. One without a number moves nothing and is not acknowledged.
    pub(super) fn recall(&mut self, frame: &Recall, memory: &mut Memory) {
        let Recall { seq, .. } = *frame;
        let own = MessageId::from_slice(&frame.recall);
        let Some(message) = MessageId::from_slice(&frame.message).filter(|_| seq == 0 || own.is_some()) else {
            return self.protocol_error();
        };
        if self.is_given_up(memory) || seq != 0 && !self.reach(seq, seq, memory) {
            return;
        }
        if seq == 0 || seq > memory.received.seq {
            self.effects.push_back(Effect::Commit(memory.recalled(seq, message, own)));
        }
    }

    pub(super) fn skip(&mut self, skip: Skip, memory: &mut Memory) {
        let Skip { to_seq, count, .. } = skip;
        if count == 0 || count > to_seq {
            return self.protocol_error();
        }
        if self.is_given_up(memory) || !self.reach(to_seq - count + 1, to_seq, memory) {
            return;
        }
        if to_seq > memory.received.seq {
            let arrival = Arrival::Skipped { reason: SkipReason::try_from(skip.reason).ok(), count };
            let commit = memory.step(Cursor { seq: to_seq, ..self.passed }, arrival);
            self.effects.push_back(Effect::Commit(commit));
        }
    }

    /// Whether a newer connection was opened, which ends this link as soon as it brings something. The newer Hello said
    /// how far the device has come: were this link to bring it further, the gateway that takes over would withdraw what
    /// the device already shows, and tell the ledger so.
    fn is_given_up(&mut self, memory: &Memory) -> bool {
        let is_given_up = memory.conn_seq() > self.conn_seq;
        if is_given_up {
            self.end(Ended::Lost);
        }
        is_given_up
    }

    /// Moves this link over `first..=last`. A hole before `first` ends the link, for the takeover of the next one reads
    /// the mailbox anew; found again at the same place it is passed over, and the app is told. False = the link ended.
    fn reach(&mut self, first: Seq, last: Seq, memory: &mut Memory) -> bool {
        let done = memory.received.seq.max(self.passed.seq);
        if first > done.saturating_add(1) {
            let hole = Cursor { seq: done, ..self.passed };
            if memory.hole.replace(hole) != Some(hole) {
                self.protocol_error();
                return false;
            }
            let step = Cursor { seq: first - 1, ..self.passed };
            let commit = memory.step(step, Arrival::Hole { count: first - 1 - done });
            self.effects.push_back(Effect::Commit(commit));
        }
        self.passed.seq = self.passed.seq.max(last);
        true
    }
}
