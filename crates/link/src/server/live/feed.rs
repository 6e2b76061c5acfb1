//! The lane of the app's feed: what is sent of it beside the mailbox, and how far the device has come in it.
//!
//! The device's offset is durable at the device alone. So nothing of this lane has to be settled when a link ends: the next
//! one begins where the device says that it is.

use std::collections::VecDeque;
use std::sync::Arc;

use homing_domain::limits::DEVICE_MAX_SEEN_IDS;
use homing_domain::{FeedOffset, MessageId, PushBody, UnixMillis};

use crate::limits::ACK_LATE_AFTER;
use crate::server::claim::Claim;
use crate::server::feed::FeedPage;

#[derive(Debug)]
struct FeedSlot {
    offset: FeedOffset,
    body: Arc<PushBody>,
    /// Of no account until it is sent.
    sent_at: UnixMillis,
}

impl FeedSlot {
    fn len(&self) -> usize {
        window_bytes(&self.body)
    }
}

/// What a push takes in the window.
pub(super) fn window_bytes(body: &PushBody) -> usize {
    if body.recalls.is_some() { 0 } else { body.payload.len() }
}

/// As many as the device itself remembers.
fn remember(known: &mut VecDeque<MessageId>, message: MessageId) {
    if known.len() == DEVICE_MAX_SEEN_IDS {
        known.pop_front();
    }
    known.push_back(message);
}

/// What was read of the feed for this device.
#[derive(Debug)]
pub(super) struct FeedLane {
    /// In order: first what is sent and unacknowledged, then what waits.
    slots: VecDeque<FeedSlot>,
    /// How many of them, from the front, have been sent.
    sent: usize,
    sent_bytes: usize,
    /// Everything up to here was sent, or is not for the device.
    position: FeedOffset,
    /// Where the position will be when nothing waits any more.
    through: FeedOffset,
    /// The highest offset that the device can know of.
    told: FeedOffset,
    /// Of a device that keeps no offset: what it was sent on this link. It acknowledges by these ids.
    known: Option<VecDeque<MessageId>>,
    is_read_wanted: bool,
    is_reading: bool,
}

impl FeedLane {
    /// Where the device stands, to be read on from there.
    pub(super) fn new(claim: &Claim) -> Self {
        let start = if claim.reads_feed { claim.feed_offset } else { 0 };
        Self {
            slots: VecDeque::new(),
            sent: 0,
            sent_bytes: 0,
            position: start,
            through: start,
            told: start,
            known: (!claim.reads_feed).then(VecDeque::new),
            is_read_wanted: true,
            is_reading: false,
        }
    }

    /// Messages and bytes that are sent and not acknowledged.
    pub(super) const fn unacknowledged(&self) -> (usize, usize) {
        (self.sent, self.sent_bytes)
    }

    /// When the oldest unacknowledged push is late.
    pub(super) fn late_at(&self) -> Option<UnixMillis> {
        self.slots.front().filter(|_| self.sent > 0).map(|slot| slot.sent_at.plus(ACK_LATE_AFTER))
    }

    fn is_waiting(&self) -> bool {
        self.slots.len() > self.sent
    }

    /// Reads again what is not sent, for some of it may have been stopped.
    pub(super) fn want_read(&mut self) {
        self.slots.truncate(self.sent);
        self.through = self.position;
        self.is_read_wanted = true;
        self.release();
    }

    /// Where to read on from, if that is due; the read has begun then.
    pub(super) fn begin_read(&mut self) -> Option<FeedOffset> {
        if !self.is_read_wanted || self.is_reading || self.is_waiting() {
            return None;
        }
        self.is_read_wanted = false;
        self.is_reading = true;
        Some(self.position)
    }

    pub(super) const fn read_failed(&mut self) {
        self.is_reading = false;
        self.is_read_wanted = true;
    }

    /// Takes a page in that was asked for with this limit.
    pub(super) fn read(&mut self, page: FeedPage, limit: usize) {
        self.is_reading = false;
        if self.is_read_wanted {
            // The feed changed meanwhile: what was stopped may be among it.
            return;
        }
        self.is_read_wanted = page.pushes.len() >= limit;
        for (offset, body) in page.pushes {
            if offset > self.through && !self.is_known(body.message) {
                self.through = offset;
                self.slots.push_back(FeedSlot { offset, body, sent_at: UnixMillis::default() });
            }
        }
        self.through = self.through.max(page.through);
        self.release();
    }

    /// The next push, after passing over what has expired.
    pub(super) fn next(&mut self, now: UnixMillis) -> Option<(FeedOffset, Arc<PushBody>)> {
        while self.slots.get(self.sent).is_some_and(|slot| slot.body.expires_at <= now) {
            self.slots.remove(self.sent);
        }
        self.release();
        self.slots.get(self.sent).map(|slot| (slot.offset, Arc::clone(&slot.body)))
    }

    /// The next push is sent. Returns the offset to be named in its frame; 0 = this device keeps none.
    pub(super) fn advance(&mut self, now: UnixMillis) -> FeedOffset {
        let Some(slot) = self.slots.get_mut(self.sent) else {
            return 0;
        };
        slot.sent_at = now;
        self.position = slot.offset;
        let (offset, message, is_recall) = (slot.offset, slot.body.message, slot.body.recalls.is_some());
        let Some(known) = &mut self.known else {
            self.sent_bytes += slot.len();
            self.sent += 1;
            self.told = offset;
            return offset;
        };
        remember(known, message);
        if is_recall {
            // Such a device does not acknowledge a recall without a number.
            self.slots.remove(self.sent);
        } else {
            self.sent_bytes += slot.len();
            self.sent += 1;
        }
        0
    }

    /// Everything up to this offset is safe on the device: the messages that are now. `None` = it cannot know of it.
    pub(super) fn acknowledge(&mut self, offset: FeedOffset) -> Option<Vec<MessageId>> {
        if offset > self.told {
            return None;
        }
        let mut done = Vec::new();
        while self.sent > 0
            && let Some(slot) = self.slots.pop_front_if(|slot| slot.offset <= offset)
        {
            self.sent -= 1;
            self.sent_bytes -= slot.len();
            done.push(slot.body.message);
        }
        self.release();
        Some(done)
    }

    /// A device that keeps no offset has this message. False = it is not of this lane.
    pub(super) fn received(&mut self, message: MessageId) -> bool {
        let Some(known) = &mut self.known else {
            return false;
        };
        let at = self.slots.iter().position(|slot| slot.body.message == message);
        let Some(at) = at else {
            return known.contains(&message);
        };
        if at < self.sent {
            self.sent -= 1;
            self.sent_bytes -= self.slots.get(at).map_or(0, FeedSlot::len);
        } else {
            // It came on an earlier link.
            remember(known, message);
        }
        self.slots.remove(at);
        self.release();
        true
    }

    /// What a Pong is to say: nothing up to here is for the device beyond what it has. 0 = it knows.
    pub(super) const fn tell(&mut self) -> FeedOffset {
        if self.known.is_some() || self.sent > 0 || self.position <= self.told {
            return 0;
        }
        self.told = self.position;
        self.position
    }

    #[cfg(test)]
    pub(super) fn queue_capacity(&self) -> usize {
        self.slots.capacity()
    }

    fn is_known(&self, message: MessageId) -> bool {
        self.known.as_ref().is_some_and(|known| known.contains(&message))
    }

    /// After each change: the position follows, and an idle lane keeps no queue.
    fn release(&mut self) {
        if !self.is_waiting() {
            self.position = self.through;
        }
        if self.slots.is_empty() {
            self.slots = VecDeque::new();
        }
    }
}
