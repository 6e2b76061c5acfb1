//! What goes out: pushes in order, skips in their place, then what the feed has, and the store calls that must come first.

use std::sync::Arc;

use bytes::Bytes;
use homing_domain::limits::WINDOW_MAX_BYTES;
use homing_domain::{Channel, Ended, Event, MessageId, Priority, PushBody, Reason, Receipt, Seq, UnixMillis};
use homing_wire::{Frame, PayloadEncoding, Push, PushPriority, Recall, Skip, SkipReason};

use super::Live;
use super::feed::window_bytes;
use super::inbox::{Content, Slot, SlotState};
use crate::limits::TRANSIENT_MAX;
use crate::server::effect::Effect;

impl Live {
    /// Does everything that has become possible.
    pub(super) fn advance(&mut self, now: UnixMillis) {
        if self.is_over {
            return;
        }
        if self.pump(now) {
            self.pump_feed(now);
        }
        if self.retry_at.is_some() {
            return;
        }
        if self.inbox.begin_read() {
            self.effects.push_back(Effect::ReadMailbox);
        }
        if self.has_room(0)
            && let Some(after) = self.feed.begin_read()
        {
            self.effects.push_back(Effect::ReadFeed { after, limit: self.window });
        }
        if let Some((expected_lo, through)) = self.records.due_trim(now) {
            self.effects.push_back(Effect::Trim { expected_lo, through });
        }
    }

    /// Whether so many bytes more may be unacknowledged. One message may always be.
    fn has_room(&self, bytes: usize) -> bool {
        let (mailbox, mailbox_bytes) = self.inbox.unacknowledged();
        let (feed, feed_bytes) = self.feed.unacknowledged();
        let (messages, held) = (mailbox + feed, mailbox_bytes + feed_bytes);
        messages == 0 || messages < self.window && held + bytes <= WINDOW_MAX_BYTES
    }

    /// Sends entries in order until one has to wait. False = it waits for room, and nothing else may take that.
    fn pump(&mut self, now: UnixMillis) -> bool {
        loop {
            let Some(slot) = self.inbox.next_mut() else {
                return true;
            };
            match (slot.state, slot.content.clone()) {
                (SlotState::Waiting, _) if slot.expires_at <= now => {
                    self.bury(now);
                    return true;
                }
                (SlotState::Doomed(_), _) => {
                    self.bury(now);
                    return true;
                }
                (SlotState::Buried(reason), _) => self.skip(reason),
                (SlotState::Waiting, None) => {
                    self.fetch();
                    return true;
                }
                (SlotState::Waiting, Some(content)) => {
                    let size = content.len();
                    let frame = frame_of(slot, content);
                    if self.is_congested() || !self.has_room(size) {
                        return false;
                    }
                    self.inbox.advance(SlotState::Sent(now));
                    self.transmit(frame);
                }
                (SlotState::Burying(_) | SlotState::Sent(_) | SlotState::Skipped, _) => return true,
            }
        }
    }

    /// Sends what the feed has, in order, while there is room.
    fn pump_feed(&mut self, now: UnixMillis) {
        while let Some((_, body)) = self.feed.next(now) {
            if self.is_congested() || !self.has_room(window_bytes(&body)) {
                return;
            }
            let feed_offset = self.feed.advance(now);
            match body.recalls {
                Some(recalled) => {
                    let (message, recall) = (id_bytes(recalled), id_bytes(body.message));
                    self.transmit(Recall { message, seq: 0, recall, feed_offset });
                }
                None => self.transmit(Push { feed_offset, ..unnumbered(&body) }),
            }
        }
    }

    fn bury(&mut self, now: UnixMillis) {
        if self.retry_at.is_some() {
            return;
        }
        let burial = self.inbox.begin_burial(now);
        if !burial.is_empty() {
            self.effects.push_back(Effect::Tombstone(burial));
        }
    }

    fn fetch(&mut self) {
        if self.retry_at.is_none()
            && let Some((message, variant)) = self.inbox.next_mut().map(|slot| (slot.message, slot.variant))
            && self.inbox.begin_fetch()
        {
            self.effects.push_back(Effect::FetchBody { message, variant });
        }
    }

    /// Skips the next entry, and those after it that have the same reason.
    fn skip(&mut self, reason: Reason) {
        let told = skip_reason(reason);
        let mut count = 0;
        while let Some(SlotState::Buried(next)) = self.inbox.next_mut().map(|slot| slot.state)
            && skip_reason(next) == told
        {
            count += self.inbox.advance(SlotState::Skipped);
        }
        self.transmit(Skip { to_seq: self.inbox.position(), reason: told as i32, count });
    }

    /// "Now or never": outside the order, without a seq, at most once from here.
    pub(super) fn send_transient(&mut self, now: UnixMillis, body: &Arc<PushBody>) {
        if self.transients.iter().any(|(message, _)| *message == body.message) {
            return;
        }
        let is_full = self.transients.len() >= TRANSIENT_MAX || self.is_congested();
        if self.is_over || is_full || body.expires_at <= now {
            self.undelivered(body.message);
            return;
        }
        self.transients.push((body.message, now));
        self.transmit(unnumbered(body));
    }

    /// Tells the ledger of tombstones.
    pub(super) fn record_buried(&mut self, now: UnixMillis, buried: &[(Seq, MessageId, UnixMillis, Reason)]) {
        let lowest = buried.iter().map(|(seq, ..)| *seq).min().unwrap_or(Seq::MAX);
        let receipts = buried
            .iter()
            .map(|(_, message, enqueued_at, reason)| {
                self.receipt(now, *message, Event::Ended(Ended::undelivered(*reason, Some(*enqueued_at))))
            })
            .collect();
        self.record(lowest, receipts);
    }

    pub(super) const fn receipt(&self, now: UnixMillis, message: MessageId, event: Event) -> Receipt {
        Receipt { message, device: self.device, channel: Channel::Own, at: now, event }
    }
}

fn frame_of(slot: &Slot, content: Content) -> Frame {
    match content {
        Content::Payload(payload) => push_of(slot, payload).into(),
        Content::Recall(recalled) => {
            Recall { message: id_bytes(recalled), seq: slot.last, recall: id_bytes(slot.message), feed_offset: 0 }
                .into()
        }
    }
}

fn push_of(slot: &Slot, payload: Bytes) -> Push {
    Push {
        seq: slot.last,
        message: id_bytes(slot.message),
        accepted_ms: slot.accepted_at.0,
        expires_ms: slot.expires_at.0,
        priority: priority(slot.priority) as i32,
        collapse_key: slot.collapse_key.clone().unwrap_or_default(),
        encoding: PayloadEncoding::of(&payload) as i32,
        payload,
        feed_offset: 0,
    }
}

/// A push outside the mailbox.
fn unnumbered(body: &PushBody) -> Push {
    Push {
        seq: 0,
        message: id_bytes(body.message),
        accepted_ms: body.accepted_at.0,
        expires_ms: body.expires_at.0,
        priority: priority(body.priority) as i32,
        collapse_key: body.collapse_key.clone().unwrap_or_default(),
        encoding: PayloadEncoding::of(&body.payload) as i32,
        payload: body.payload.clone(),
        feed_offset: 0,
    }
}

fn id_bytes(id: MessageId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

const fn priority(priority: Priority) -> PushPriority {
    match priority {
        Priority::Low => PushPriority::Low,
        Priority::Normal => PushPriority::Normal,
        Priority::High => PushPriority::High,
    }
}

/// What the device is told: it needs to know whether to synchronise, not what the ledger knows.
const fn skip_reason(reason: Reason) -> SkipReason {
    match reason {
        Reason::TimeToLive | Reason::Closed | Reason::Offline => SkipReason::Expired,
        Reason::Recalled | Reason::ReadElsewhere => SkipReason::Recalled,
        Reason::Collapsed => SkipReason::Collapsed,
        Reason::Unbound => SkipReason::Unbound,
        // None of these is decided after the message has come to the mailbox.
        Reason::NotificationsOff
        | Reason::OptedOut
        | Reason::QuietHours
        | Reason::Aborted
        | Reason::NothingToRecall
        | Reason::NoVendorToken
        | Reason::VendorRefused
        | Reason::VendorSilent => SkipReason::Recalled,
        // It comes by the vendor's channel: nothing is missing.
        Reason::TakenByVendor => SkipReason::Recalled,
        Reason::Overflow | Reason::UnknownDevice | Reason::Deregistered => SkipReason::Overflow,
    }
}
