//! After the link: the last receipts, the trim, and giving the device up.

use std::collections::VecDeque;

use homing_domain::limits::DETACH_AFTER;
use homing_domain::mailbox::{Detached, Trimmed};
use homing_domain::{Seq, UnixMillis};

use super::effect::{Effect, StoreFault, Ticket};
use super::live::Records;
use crate::limits::STORE_RETRY_AFTER;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detach {
    Waiting,
    UnderWay,
    Done,
}

/// A link that has ended. The driver keeps it until [`Self::is_finished`]; when it is lost, the next takeover or the end of
/// the gateway's lease sets everything right.
#[derive(Debug)]
pub struct Leaving {
    effects: VecDeque<Effect>,
    records: Records,
    sent: Seq,
    detach_at: UnixMillis,
    detach: Detach,
    is_owner: bool,
    retry_at: Option<UnixMillis>,
}

impl Leaving {
    pub(super) fn new(now: UnixMillis, effects: VecDeque<Effect>, records: Records, sent: Seq) -> Self {
        let mut leaving = Self {
            effects,
            records,
            sent,
            detach_at: now.plus(DETACH_AFTER),
            detach: Detach::Waiting,
            is_owner: true,
            retry_at: None,
        };
        // A trim that was under way is asked for again: what it did, the answer to the next one says.
        leaving.records.trimmed(now, None);
        leaving.advance(now);
        leaving
    }

    pub(super) fn abandoned(now: UnixMillis, sent: Seq) -> Self {
        Self::new(now, VecDeque::new(), Records::new(1), sent)
    }

    /// The next thing to do: `Record`, `CountFeed`, `Undelivered`, `StoreUpstream`, `Trim` or `Detach`.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The receipts of this [`Effect::Record`] are durable.
    pub fn recorded(&mut self, now: UnixMillis, ticket: Ticket) {
        self.records.recorded(ticket);
        self.advance(now);
    }

    /// The answer of [`Effect::Trim`].
    pub fn trimmed(&mut self, now: UnixMillis, answer: Result<Trimmed, StoreFault>) {
        self.records.trimmed(now, answer.ok());
        if let Err(fault) = answer {
            self.failed(now, fault);
        }
        self.advance(now);
    }

    /// The answer of [`Effect::Detach`].
    pub fn detached(&mut self, now: UnixMillis, answer: Result<Detached, StoreFault>) {
        match answer {
            Ok(Detached) => self.detach = Detach::Done,
            Err(fault) => {
                self.detach = Detach::Waiting;
                self.failed(now, fault);
            }
        }
        self.advance(now);
    }

    /// A newer connection of the device came: it owns the mailbox now, nothing is left to trim or to give up here.
    pub fn superseded(&mut self) {
        self.is_owner = false;
        self.effects.retain(|effect| !matches!(effect, Effect::Trim { .. } | Effect::Detach { .. }));
    }

    /// The gateway stops: gives the device up without waiting for it to come back.
    pub fn hurry(&mut self, now: UnixMillis) {
        self.detach_at = self.detach_at.min(now);
        self.advance(now);
    }

    /// When [`Self::timeout`] is to be called, unless something else happens before.
    #[must_use]
    pub fn next_timeout(&self) -> UnixMillis {
        let detach_at =
            if self.is_owner && self.detach == Detach::Waiting { self.detach_at } else { UnixMillis::NEVER };
        self.retry_at.unwrap_or(detach_at)
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: UnixMillis) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
        }
        self.advance(now);
    }

    /// Whether nothing is left to do. Receipts that were given out are the driver's to keep.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let is_told = self.effects.is_empty() && self.records.is_all_recorded();
        is_told && (!self.is_owner || self.detach == Detach::Done)
    }

    fn advance(&mut self, now: UnixMillis) {
        if !self.is_owner || self.retry_at.is_some() {
            return;
        }
        if self.records.is_all_recorded()
            && let Some((expected_lo, through)) = self.records.trim()
        {
            self.effects.push_back(Effect::Trim { expected_lo, through });
        }
        if self.detach == Detach::Waiting && self.detach_at <= now {
            self.detach = Detach::UnderWay;
            self.effects.push_back(Effect::Detach { sent: self.sent });
        }
    }

    fn failed(&mut self, now: UnixMillis, fault: StoreFault) {
        match fault {
            StoreFault::Fenced(_) => self.superseded(),
            StoreFault::Unavailable => self.retry_at = Some(now.plus(STORE_RETRY_AFTER)),
        }
    }
}
