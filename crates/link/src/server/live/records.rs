//! What the ledger has been told, and what may therefore be trimmed.

use std::collections::VecDeque;

use homing_domain::mailbox::Trimmed;
use homing_domain::{Seq, UnixMillis};

use crate::limits::{TRIM_AFTER, TRIM_AT_BYTES, TRIM_AT_ENTRIES, UNRECORDED_MAX};
use crate::server::effect::Ticket;

#[derive(Debug)]
struct Open {
    ticket: Ticket,
    /// Nothing from here on may be trimmed before these receipts are durable.
    lowest: Seq,
    receipts: usize,
}

/// An entry at or below the device's cursor that still stands in the mailbox.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) last: Seq,
    pub(super) bytes: u16,
}

/// Receipts under way, and entries to trim.
#[derive(Debug)]
pub(in crate::server) struct Records {
    next_ticket: Ticket,
    open: VecDeque<Open>,
    unrecorded: usize,
    lo: Seq,
    settled: VecDeque<Settled>,
    settled_bytes: usize,
    trim_at: Option<UnixMillis>,
    is_trim_wanted: bool,
    is_trimming: bool,
}

impl Records {
    pub(in crate::server) const fn new(lo: Seq) -> Self {
        Self {
            next_ticket: 0,
            open: VecDeque::new(),
            unrecorded: 0,
            lo,
            settled: VecDeque::new(),
            settled_bytes: 0,
            trim_at: None,
            is_trim_wanted: false,
            is_trimming: false,
        }
    }

    pub(in crate::server) const fn is_congested(&self) -> bool {
        self.unrecorded >= UNRECORDED_MAX
    }

    pub(in crate::server) fn is_all_recorded(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn open(&mut self, lowest: Seq, receipts: usize) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.unrecorded += receipts;
        self.open.push_back(Open { ticket, lowest, receipts });
        ticket
    }

    pub(in crate::server) fn recorded(&mut self, ticket: Ticket) {
        if let Some(at) = self.open.iter().position(|open| open.ticket == ticket)
            && let Some(open) = self.open.remove(at)
        {
            self.unrecorded -= open.receipts;
        }
        if self.open.is_empty() {
            self.open = VecDeque::new();
        }
    }

    /// The device's cursor passed this entry.
    pub(super) fn settle(&mut self, now: UnixMillis, settled: Settled) {
        self.settled_bytes += usize::from(settled.bytes);
        self.settled.push_back(settled);
        self.trim_at.get_or_insert_with(|| now.plus(TRIM_AFTER));
    }

    pub(super) const fn trim_at(&self) -> Option<UnixMillis> {
        if self.is_trimming { None } else { self.trim_at }
    }

    pub(super) const fn want_trim(&mut self) {
        self.is_trim_wanted = true;
    }

    /// The trim that is due now, as (expected lo, through).
    pub(super) fn due_trim(&mut self, now: UnixMillis) -> Option<(Seq, Seq)> {
        let is_due = self.is_trim_wanted
            || self.settled.len() > TRIM_AT_ENTRIES
            || self.settled_bytes > TRIM_AT_BYTES
            || self.trim_at.is_some_and(|at| at <= now);
        if is_due {
            let trim = self.trim();
            if trim.is_none() && !self.is_trimming && self.trim_at.is_some_and(|at| at <= now) {
                // Its receipts are not durable yet; look again later.
                self.trim_at = Some(now.plus(TRIM_AFTER));
            }
            trim
        } else {
            None
        }
    }

    /// All that may be trimmed: the device has it behind it, and the ledger has been told.
    pub(in crate::server) fn trim(&mut self) -> Option<(Seq, Seq)> {
        if self.is_trimming {
            return None;
        }
        let told_below = self.open.iter().map(|open| open.lowest).min().unwrap_or(Seq::MAX);
        let through = self.settled.iter().map(|settled| settled.last).take_while(|last| *last < told_below).last()?;
        self.is_trimming = true;
        Some((self.lo, through))
    }

    /// `None` = it did not succeed.
    pub(in crate::server) fn trimmed(&mut self, now: UnixMillis, trimmed: Option<Trimmed>) {
        self.is_trimming = false;
        let Some(Trimmed { lo }) = trimmed else {
            return;
        };
        if lo == self.lo {
            // Nothing that could be trimmed was there. Asking again would not change that.
            self.settled.clear();
            self.settled_bytes = 0;
        }
        self.lo = lo;
        self.is_trim_wanted = false;
        while let Some(settled) = self.settled.pop_front_if(|settled| settled.last < lo) {
            self.settled_bytes -= usize::from(settled.bytes);
        }
        if self.settled.is_empty() {
            self.settled = VecDeque::new();
            self.trim_at = None;
        } else {
            self.trim_at = Some(now.plus(TRIM_AFTER));
        }
    }
}
