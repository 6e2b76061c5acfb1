//! What others than the owner do: withdraw (recall), bind and unbind, overflow, revoke.

use std::collections::VecDeque;

use super::{Entry, EntryState, Mailbox, Route};
use crate::id::{MessageId, Seq, UserHash};
use crate::limits::MAILBOX_MAX_ENTRIES;
use crate::reason::Reason;

/// What came of a withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// Certainly unseen, or never sent: it is a tombstone with this reason, now or from an earlier run. Tell the ledger.
    Tombstoned,
    /// The device may have it: marked, and the gateway finds out. Tell it to read again.
    Marked {
        /// Who holds the link, if anyone.
        route: Option<Route>,
    },
    /// There is no such pending entry. If it was never there, it will be refused when it comes.
    Absent,
}

/// What came of a bind or unbind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebound {
    /// Pending messages to the old user that are certainly unseen: suppressed(unbound), tell the ledger.
    pub unseen: Vec<MessageId>,
    /// Who holds the link: tell it to read again.
    pub route: Option<Route>,
}

/// What came of an overflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overflowed {
    /// These will never be delivered, each for its reason. Tell the ledger, then merge, then enqueue again. A repeat before
    /// the merge answers the same.
    Tombstoned(Vec<(MessageId, Reason)>),
    /// There is room (again).
    NotFull,
    /// A gateway owns the device, or may have brought it everything: nothing may be dropped. With a route, ask the gateway
    /// to trim if it lives; else the new message is the one that fails.
    NothingUnseen {
        /// Who holds the link.
        route: Option<Route>,
    },
}

impl Mailbox {
    /// Withdraws a message, pending or still to come. A repeat answers the same, so that whoever died before telling the
    /// ledger tells it then.
    pub fn withdraw(&mut self, message: MessageId, reason: Reason) -> Withdrawn {
        let found = self
            .positions_where(|entry| entry.message == message && !matches!(entry.state, EntryState::Tombstone(_)))
            .first()
            .copied();
        let Some((position, seq)) = found else {
            let is_buried = |entry: &Entry| entry.message == message && entry.state == EntryState::Tombstone(reason);
            if self.entries.iter().any(is_buried) {
                return Withdrawn::Tombstoned;
            }
            let short_hash = message.short_hash();
            let is_known = self.entries.iter().any(|entry| entry.message == message)
                || self.trimmed.contains(&short_hash)
                || self.refused.iter().any(|(refused, _)| *refused == short_hash);
            if !is_known {
                self.refuse(short_hash, reason);
            }
            return Withdrawn::Absent;
        };
        match self.withdraw_at(position, seq, reason) {
            Some(_) => Withdrawn::Tombstoned,
            None => Withdrawn::Marked { route: self.route },
        }
    }

    /// Binds the device to a user (or to none) and withdraws what was addressed to another.
    pub fn bind(&mut self, user: Option<UserHash>) -> Rebound {
        self.user = user;
        let foreign = self.positions_where(|entry| {
            entry.user.is_some() && entry.user != user && !matches!(entry.state, EntryState::Tombstone(_))
        });
        for (position, seq) in foreign {
            self.withdraw_at(position, seq, Reason::Unbound);
        }
        Rebound { unseen: self.tombstones(Reason::Unbound), route: self.route }
    }

    /// Deregisters the device: nobody can take it over again. Returns what will never be delivered.
    pub fn revoke(&mut self) -> Rebound {
        self.revoked = true;
        for (position, _) in self.positions_where(|entry| !matches!(entry.state, EntryState::Tombstone(_))) {
            self.entries[position].bury(Reason::Deregistered);
        }
        Rebound { unseen: self.tombstones(Reason::Deregistered), route: self.route.take() }
    }

    /// First half of an overflow: in a full mailbox that nobody owns, the oldest half of what is certainly unseen becomes
    /// tombstones that still name their messages. Neighbouring tombstones that wait for a merge already come first.
    pub fn overflow(&mut self) -> Overflowed {
        if self.entries.len() < MAILBOX_MAX_ENTRIES {
            return Overflowed::NotFull;
        }
        let waiting = self.mergeable();
        if !waiting.is_empty() {
            return Overflowed::Tombstoned(waiting);
        }
        let mut positions = self.positions_where(|entry| !matches!(entry.state, EntryState::Tombstone(_)));
        positions.retain(|(_, seq)| self.is_unseen(*seq));
        positions.truncate(MAILBOX_MAX_ENTRIES / 2);
        for (position, _) in &positions {
            self.entries[*position].bury(Reason::Overflow);
        }
        match self.mergeable() {
            // One lone entry cannot make room by merging: it stays a tombstone, and its ledger line is told all the same.
            waiting if waiting.is_empty() => Overflowed::NothingUnseen { route: self.route },
            waiting => Overflowed::Tombstoned(waiting),
        }
    }

    /// Second half, after the ledger was told of these messages: neighbours among their tombstones become one, which
    /// stands for all their seqs. Their ids are remembered.
    pub fn merge_overflow(&mut self, told: &[MessageId]) {
        let is_told = |entry: &Entry| {
            matches!(entry.state, EntryState::Tombstone(_)) && (entry.span > 1 || told.contains(&entry.message))
        };
        let mut merged = VecDeque::<Entry>::with_capacity(self.entries.len());
        for entry in std::mem::take(&mut self.entries) {
            match merged.back_mut() {
                Some(last) if is_told(last) && is_told(&entry) => {
                    let short_hash = last.message.short_hash();
                    last.span += entry.span;
                    last.message = entry.message;
                    last.state = EntryState::Tombstone(Reason::Overflow);
                    self.remember(short_hash);
                }
                _ => merged.push_back(entry),
            }
        }
        self.entries = merged;
    }

    /// The unseen tombstones that have an unseen tombstone for a neighbour, with the reason of each.
    fn mergeable(&self) -> Vec<(MessageId, Reason)> {
        let buried: Vec<_> = self
            .numbered()
            .map(|(seq, entry)| match entry.state {
                EntryState::Tombstone(reason) if self.is_unseen(seq) => Some((entry.message, reason)),
                _ => None,
            })
            .collect();
        let has_neighbour = |at: usize| {
            at.checked_sub(1).is_some_and(|before| buried[before].is_some())
                || buried.get(at + 1).is_some_and(Option::is_some)
        };
        buried.iter().enumerate().filter(|(at, _)| has_neighbour(*at)).filter_map(|(_, entry)| *entry).collect()
    }

    /// Buries or marks one entry. Returns its message when it is certainly unseen.
    pub(super) fn withdraw_at(&mut self, position: usize, seq: Seq, reason: Reason) -> Option<MessageId> {
        let unseen = self.is_unseen(seq);
        let entry = &mut self.entries[position];
        if unseen {
            entry.bury(reason);
            Some(entry.message)
        } else {
            entry.state = EntryState::Marked(reason);
            None
        }
    }

    pub(super) fn tombstones(&self, reason: Reason) -> Vec<MessageId> {
        self.entries
            .iter()
            .filter(|entry| entry.state == EntryState::Tombstone(reason))
            .map(|entry| entry.message)
            .collect()
    }

    pub(super) fn positions_where(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<(usize, Seq)> {
        self.numbered()
            .enumerate()
            .filter(|(_, (_, entry))| wanted(entry))
            .map(|(position, (seq, _))| (position, seq))
            .collect()
    }
}
