//! Keeps one slow vendor from holding the memory and the connections of all: so many requests to it at a time, and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use homing_domain::Channel;

/// Requests to one vendor that are under way at the same time in one process: with a payload of 4 kB each and an answer that
/// takes a second, 1,024 a second and 4 MB.
pub(super) const REQUESTS_MAX: u32 = 1_024;

/// Requests that are under way, by channel.
#[derive(Debug, Default)]
pub(super) struct Bulkhead([Arc<AtomicU32>; Channel::ALL.len()]);

/// Places for requests, given back when dropped.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<AtomicU32>,
    taken: u32,
}

impl Bulkhead {
    /// As many places as there are, up to so many.
    pub(super) fn enter(&self, channel: Channel, wanted: u32) -> Places {
        let at = Channel::ALL.into_iter().position(|other| other == channel).unwrap_or_default();
        let all = Arc::clone(&self.0[at]);
        let mut taken = 0;
        // The closure always answers a value, so this never fails.
        let _ = all.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            taken = wanted.min(REQUESTS_MAX.saturating_sub(now));
            Some(now + taken)
        });
        Places { all, taken }
    }
}

impl Places {
    pub(super) const fn taken(&self) -> u32 {
        self.taken
    }

    /// Gives all but so many back.
    pub(super) fn keep(&mut self, most: u32) {
        let spare = self.taken.saturating_sub(most);
        self.all.fetch_sub(spare, Ordering::AcqRel);
        self.taken -= spare;
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.all.fetch_sub(self.taken, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_vendor_takes_no_place_of_another() {
        let bulkhead = Bulkhead::default();
        let first = bulkhead.enter(Channel::Oppo, REQUESTS_MAX - 1);
        let second = bulkhead.enter(Channel::Oppo, 100);
        assert_eq!((second.taken(), bulkhead.enter(Channel::Oppo, 5).taken()), (1, 0));
        assert_eq!(bulkhead.enter(Channel::Vivo, 100).taken(), 100);
        drop(first);
        assert_eq!(bulkhead.enter(Channel::Oppo, u32::MAX).taken(), REQUESTS_MAX - 1);
        let mut third = bulkhead.enter(Channel::Oppo, 10);
        assert_eq!(third.taken(), 10);
        third.keep(4);
        assert_eq!(bulkhead.enter(Channel::Oppo, u32::MAX).taken(), REQUESTS_MAX - 5);
        drop((second, third));
        assert_eq!(bulkhead.enter(Channel::Oppo, u32::MAX).taken(), REQUESTS_MAX);
    }
}
