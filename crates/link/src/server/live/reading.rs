//! The mailbox, read again while the link lives.

use homing_domain::mailbox::{EntryState, Mailbox};
use homing_domain::{Reason, Seq, UnixMillis};
use homing_wire::CloseCode;

use super::Live;
use super::inbox::{Slot, SlotState};
use crate::server::closing::Closing;

impl Live {
    pub(super) fn read(&mut self, now: UnixMillis, mailbox: &Mailbox) {
        if mailbox.conn_seq > self.conn_seq {
            return self.close(Closing::superseded(mailbox.conn_seq));
        }
        if mailbox.revoked {
            return self.close(Closing::new(CloseCode::Revoked));
        }
        if mailbox.epoch != self.epoch {
            // Another life of the mailbox: the device comes back and is reset.
            return self.close(Closing::new(CloseCode::Normal));
        }
        let mut buried = Vec::new();
        for (seq, entry) in mailbox.numbered() {
            let last = seq + Seq::from(entry.span) - 1;
            if last > self.inbox.hi() {
                if let EntryState::Tombstone(reason) = entry.state {
                    buried.push((seq, entry.message, entry.enqueued_at, reason));
                }
                self.inbox.append(Slot::of_entry(last, entry));
            } else if let EntryState::Marked(reason) = entry.state {
                self.withdrawn(last, reason);
            }
        }
        self.record_buried(now, &buried);
        self.inbox.take_early(now);
    }

    /// An entry is marked. What was not sent will not be; what was sent is in the device's hands, and whoever wants it back
    /// sends a message that recalls it.
    fn withdrawn(&mut self, last: Seq, reason: Reason) {
        if let Some(slot) = self.inbox.slot_mut(last)
            && slot.state == SlotState::Waiting
        {
            slot.state = SlotState::Doomed(reason);
        }
    }
}
