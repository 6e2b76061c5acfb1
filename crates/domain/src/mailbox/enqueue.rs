//! Enqueue: dispatch appends an entry.

use super::{Body, Entry, EntryState, Mailbox, Route};
use crate::id::{AppId, MessageId, Seq, UserHash};
use crate::limits::MAILBOX_MAX_ENTRIES;
use crate::message::Priority;
use crate::reason::Reason;
use crate::time::UnixMillis;

/// What dispatch wants appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueue {
    /// Whose message.
    pub app: AppId,
    /// Which message.
    pub message: MessageId,
    /// The user it is addressed to: the device must be bound to them.
    pub user: Option<UserHash>,
    /// The present.
    pub now: UnixMillis,
    /// When the message was accepted.
    pub accepted_at: UnixMillis,
    /// Not delivered from here on.
    pub expires_at: UnixMillis,
    /// Urgency.
    pub priority: Priority,
    /// Collapse key, if any.
    pub collapse_key: Option<String>,
    /// Where the payload is.
    pub body: Body,
    /// Which rendering of the message it is.
    pub variant: u8,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the mailbox; so it was if this is a repeat. Hand it off if there is a route: the first run may have died
    /// before its hand-off.
    Stored {
        /// Its number.
        seq: Seq,
        /// When it was first appended.
        enqueued_at: UnixMillis,
        /// Who holds the link.
        route: Option<Route>,
        /// Whether the device has an address at a vendor.
        has_vendor: bool,
        /// Pending messages that this one replaced and that the device certainly has not seen: suppressed(collapsed).
        collapsed: Vec<MessageId>,
    },
    /// A repeat whose entry is withdrawn or trimmed: whoever did that tells the ledger. Nothing to do.
    Settled,
    /// No room.
    Full {
        /// Who holds the link: a live gateway can trim; without a route the oldest half can overflow.
        route: Option<Route>,
    },
    /// It is not for this device any more: unbound (addressed to a user whom the device is not bound to), or withdrawn before
    /// it came. A repeat is refused alike, whatever has changed since. Tell the ledger.
    Refused(Reason),
    /// The app has no such device.
    Unknown,
    /// The device is deregistered.
    Revoked,
}

impl Mailbox {
    /// Appends an entry, once per message.
    pub fn enqueue(&mut self, request: Enqueue) -> Enqueued {
        if self.app != request.app {
            return Enqueued::Unknown;
        }
        if self.revoked {
            return Enqueued::Revoked;
        }
        if let Some(repeat) = self.find_repeat(&request) {
            return repeat;
        }
        if request.user.is_some() && request.user != self.user {
            self.refuse(request.message.short_hash(), Reason::Unbound);
            return Enqueued::Refused(Reason::Unbound);
        }
        if self.entries.len() >= MAILBOX_MAX_ENTRIES {
            return Enqueued::Full { route: self.route };
        }
        let collapsed = request.collapse_key.as_deref().map_or_else(Vec::new, |key| self.collapse(key));
        self.hi += 1;
        self.entries.push_back(Entry {
            span: 1,
            message: request.message,
            state: EntryState::Live,
            enqueued_at: request.now,
            accepted_at: request.accepted_at,
            expires_at: request.expires_at,
            priority: request.priority,
            collapse_key: request.collapse_key,
            user: request.user,
            body: request.body,
            variant: request.variant,
        });
        let (route, has_vendor) = (self.route, self.has_vendor);
        Enqueued::Stored { seq: self.hi, enqueued_at: request.now, route, has_vendor, collapsed }
    }

    fn find_repeat(&self, request: &Enqueue) -> Option<Enqueued> {
        let short_hash = request.message.short_hash();
        if let Some((seq, entry)) = self.numbered().find(|(_, entry)| entry.message.short_hash() == short_hash) {
            return Some(match entry.state {
                EntryState::Live => Enqueued::Stored {
                    seq,
                    enqueued_at: entry.enqueued_at,
                    route: self.route,
                    has_vendor: self.has_vendor,
                    collapsed: self.tombstones(Reason::Collapsed),
                },
                EntryState::Marked(_) | EntryState::Tombstone(_) => Enqueued::Settled,
            });
        }
        if let Some((_, reason)) = self.refused.iter().find(|(refused, _)| *refused == short_hash) {
            return Some(Enqueued::Refused(*reason));
        }
        self.trimmed.contains(&short_hash).then_some(Enqueued::Settled)
    }

    /// Withdraws pending entries of one collapse key. Returns those that the device certainly has not seen.
    fn collapse(&mut self, key: &str) -> Vec<MessageId> {
        let mut unseen = Vec::new();
        for (position, seq) in
            self.positions_where(|entry| entry.state == EntryState::Live && entry.collapse_key.as_deref() == Some(key))
        {
            if let Some(message) = self.withdraw_at(position, seq, Reason::Collapsed) {
                unseen.push(message);
            }
        }
        unseen
    }
}
