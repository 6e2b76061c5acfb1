//! What stands in the mailbox, as it arrives: in order, and each number accounted for; and what comes by the app's feed.

use homing_domain::{FeedOffset, MessageId, Seq, UnixMillis};
use homing_wire::{Push, Recall, Skip, SkipReason};

use super::{Effect, Live};
use crate::client::arrival::{Arrival, Message};
use crate::client::end::Ended;
use crate::client::memory::{Cursor, Memory};

impl Live {
    pub(super) fn push(&mut self, now: UnixMillis, push: Push, memory: &mut Memory) {
        let feed = push.feed_offset;
        let Some(message) = Message::from_push(push).filter(|message| feed == 0 || message.seq == 0) else {
            return self.protocol_error();
        };
        if self.is_given_up(memory) {
            return;
        }
        let seq = message.seq;
        if self.is_due(seq, feed, memory) {
            self.effects.extend(memory.arrived(message, feed, now).map(Effect::Commit));
        }
    }

    /// A recall stands in the mailbox or in the feed like a message. One without a number moves nothing and is not
    /// acknowledged.
    pub(super) fn recall(&mut self, frame: &Recall, memory: &mut Memory) {
        let Recall { seq, feed_offset: feed, .. } = *frame;
        let own = MessageId::from_slice(&frame.recall);
        let is_sound = match (seq, feed) {
            (0, 0) => true,
            (0, _) | (_, 0) => own.is_some(),
            _ => false,
        };
        let Some(message) = MessageId::from_slice(&frame.message).filter(|_| is_sound) else {
            return self.protocol_error();
        };
        if self.is_given_up(memory) {
            return;
        }
        if self.is_due(seq, feed, memory) {
            self.effects.push_back(Effect::Commit(memory.recalled(seq, feed, message, own)));
        }
    }

    /// Moves this link to where something stands, if it stands anywhere. False = it came before, or the link ended.
    fn is_due(&mut self, seq: Seq, feed: FeedOffset, memory: &mut Memory) -> bool {
        match (seq, feed) {
            (0, 0) => true,
            (0, feed) => self.reach_in_feed(feed, memory),
            (seq, _) => self.reach(seq, seq, memory) && seq > memory.received.seq,
        }
    }

    /// Nothing up to this offset of the feed is for the device beyond what it has. On a link that a newer one has given up
    /// this says nothing: the newer Hello was sent without it, so the newer gateway may find something there.
    pub(super) fn pass_over(&mut self, feed: FeedOffset, memory: &mut Memory) {
        if feed <= memory.received.feed || memory.conn_seq() > self.conn_seq {
            return;
        }
        self.passed.feed = feed;
        if self.unacked_of_feed.is_empty() {
            // The gateway said it, so it need not be told.
            self.acked.feed = feed;
        }
        let commit = memory.step(Cursor { feed, ..memory.received }, Arrival::PassedOver);
        self.effects.push_back(Effect::Commit(commit));
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
            let commit = memory.step(Cursor { seq: to_seq, ..memory.received }, arrival);
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
            let hole = Cursor { epoch: self.passed.epoch, seq: done, feed: 0 };
            if memory.hole.replace(hole) != Some(hole) {
                self.protocol_error();
                return false;
            }
            let step = Cursor { seq: first - 1, ..memory.received };
            let commit = memory.step(step, Arrival::Hole { count: first - 1 - done });
            self.effects.push_back(Effect::Commit(commit));
        }
        self.passed.seq = self.passed.seq.max(last);
        true
    }

    /// Moves this link to an offset in the feed. False = what stands there came before.
    fn reach_in_feed(&mut self, offset: FeedOffset, memory: &Memory) -> bool {
        let is_new = offset > memory.received.feed;
        if is_new {
            self.passed.feed = offset;
            self.unacked_of_feed.push_back(offset);
        }
        is_new
    }
}
