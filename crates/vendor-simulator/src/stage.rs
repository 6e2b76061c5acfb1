//! One vendor on its stage: who plays it, what it keeps, what goes wrong, what was counted.

use std::sync::{Mutex, MutexGuard, PoisonError};

use homing_domain::Channel;
use http::Version;

use crate::actor::{Actor, Books};
use crate::asked::{Asked, Said};
use crate::counts::Counts;
use crate::faults::Faults;

/// A vendor.
pub(crate) struct Stage {
    pub(crate) channel: Channel,
    actor: &'static dyn Actor,
    inner: Mutex<Inner>,
}

/// What changes of it.
pub(crate) struct Inner {
    pub(crate) books: Books,
    pub(crate) faults: Faults,
    pub(crate) counts: Counts,
}

/// What is answered, and whether the answer arrives.
pub(crate) struct Outcome {
    pub(crate) said: Said,
    pub(crate) is_lost: bool,
}

impl Stage {
    pub(crate) fn new(channel: Channel, actor: &'static dyn Actor, epoch: u64) -> Self {
        let inner = Inner { books: Books::new(epoch), faults: Faults::default(), counts: Counts::default() };
        Self { channel, actor, inner: Mutex::new(inner) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what goes wrong.
    pub(crate) fn put_faults(&self, faults: Faults) {
        let mut inner = self.lock();
        if faults.expire_access {
            inner.books.expire_accesses();
        }
        inner.faults = faults;
    }

    /// "Down", in the vendor's words.
    pub(crate) fn outage(&self) -> Said {
        self.actor.outage()
    }

    /// Counts a request, and its connection if this is the first that came over it.
    pub(crate) fn count(&self, version: Version, is_first_of_connection: bool) {
        let counts = &mut self.lock().counts;
        counts.requests += 1;
        counts.connections += u64::from(is_first_of_connection);
        match counts.by_version.get_mut(name_of(version)) {
            Some(number) => *number += 1,
            None => drop(counts.by_version.insert(name_of(version).to_owned(), 1)),
        }
    }

    /// What it answers. The log is not written yet.
    pub(crate) fn answer(&self, asked: &Asked) -> Outcome {
        let mut inner = self.lock();
        let faults = inner.faults;
        if faults.outage {
            inner.counts.during_outage += 1;
            return Outcome { said: self.actor.outage(), is_lost: false };
        }
        let is_send = self.actor.is_send(asked);
        if is_send && happens(faults.throttle_share) {
            inner.counts.throttled += 1;
            return Outcome { said: self.actor.throttled(), is_lost: false };
        }
        let said = self.actor.play(&mut inner.books, asked);
        let is_lost = is_send && !said.taken.is_empty() && happens(faults.answer_lost_share);
        let counts = &mut inner.counts;
        counts.authorisations += u64::from(said.authorised);
        counts.accepted += said.taken.len() as u64;
        counts.dead += said.dead;
        counts.repeats_dropped += said.repeats;
        counts.answers_lost += u64::from(is_lost);
        if let Some(code) = &said.refused {
            *counts.refused.entry(code.clone()).or_default() += 1;
        }
        Outcome { said, is_lost }
    }
}

const fn name_of(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_11 => "HTTP/1.1",
        _ => "other",
    }
}

/// Whether something happens that happens to a share of all.
pub(crate) fn happens(share: f64) -> bool {
    share > 0.0 && rand::random::<f64>() < share
}
