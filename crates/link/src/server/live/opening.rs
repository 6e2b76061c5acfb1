//! The first moment of a live link: where the device stands, and what that says about the mailbox.

use std::collections::VecDeque;

use homing_domain::limits::WINDOW_MAX_MESSAGES;
use homing_domain::mailbox::{EntryState, Mailbox};
use homing_domain::{Ended, Event, HeartbeatSettings, Seq, UnixMillis};
use homing_wire::{Resumption, Welcome};

use super::Live;
use super::feed::FeedLane;
use super::inbox::{Inbox, Slot};
use super::liveness::Liveness;
use super::records::{Records, Settled};
use crate::limits::REREAD_EVERY;
use crate::server::joining::Joining;

pub(super) fn open(now: UnixMillis, joining: Joining, mailbox: Mailbox, heartbeat: &HeartbeatSettings) -> Live {
    let Joining { transport, decoder, claim, hand_offs, is_behind } = joining;
    // Below `lo - 1` something was trimmed that the device does not have: it must not be resumed over the hole.
    let is_resumed = claim.epoch == mailbox.epoch && (mailbox.lo - 1..=mailbox.hi).contains(&claim.last_seq);
    let cursor = if is_resumed { claim.last_seq } else { mailbox.lo - 1 };
    let feed = FeedLane::new(&claim);
    let mut live = Live {
        device: claim.device,
        app: claim.app,
        conn_seq: claim.conn_seq,
        epoch: mailbox.epoch,
        window: usize::try_from(claim.window)
            .ok()
            .filter(|window| (1..WINDOW_MAX_MESSAGES).contains(window))
            .unwrap_or(WINDOW_MAX_MESSAGES),
        decoder,
        inbox: Inbox::new(cursor),
        feed,
        records: Records::new(mailbox.lo),
        liveness: Liveness::new(now, transport, heartbeat),
        upstreams: Vec::new(),
        transients: Vec::new(),
        retry_at: None,
        reread_at: now.plus(REREAD_EVERY),
        effects: VecDeque::new(),
        is_over: false,
    };
    live.transmit(Welcome {
        resumption: if is_resumed { Resumption::Resumed } else { Resumption::Reset } as i32,
        epoch: mailbox.epoch,
        lo: mailbox.lo,
        hi: mailbox.hi,
        heartbeat: Some(live.liveness.config()),
        server_ms: now.0,
    });
    live.settle(now, &mailbox, cursor);
    for (body, target) in hand_offs {
        live.hand_off(now, &body, target);
    }
    if is_behind {
        live.inbox.want_read();
    }
    // The device may have sent more than its Hello.
    live.receive(now, &[]);
    live
}

impl Live {
    /// Derives the receipts that the last link could not give: what the device has and no tombstone was delivered. The
    /// rest is to be sent. Tombstones are told again, for who made them may have died before telling.
    fn settle(&mut self, now: UnixMillis, mailbox: &Mailbox, cursor: Seq) {
        let mut receipts = Vec::new();
        for (seq, entry) in mailbox.numbered() {
            let last = seq + Seq::from(entry.span) - 1;
            let is_behind_device = last <= cursor;
            let end = match entry.state {
                EntryState::Tombstone(reason) => Some(Ended::undelivered(reason, Some(entry.enqueued_at))),
                _ if is_behind_device => Some(Ended::delivered(Some(entry.enqueued_at), None)),
                _ => None,
            };
            receipts.extend(end.map(|end| self.receipt(now, entry.message, Event::Ended(end))));
            if is_behind_device {
                let bytes = u16::try_from(entry.size_bytes()).unwrap_or(u16::MAX);
                self.records.settle(now, Settled { last, bytes });
            } else {
                self.inbox.append(Slot::of_entry(last, entry));
            }
        }
        self.record(mailbox.lo, receipts);
    }
}
