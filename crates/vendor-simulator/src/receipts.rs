//! Receipts: what becomes of a push, posted later to the callback's URL.

mod envelope;
mod poster;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use homing_domain::Channel;
use tokio::sync::Notify;

use crate::actor::is_dead_later;

pub(crate) use poster::post_receipts;

/// Receipts waiting for their time.
const WAITING_MAX: usize = 500_000;
/// Receipts in one callback.
const BATCH_MAX: usize = 100;

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Delivered,
    Opened,
    InvalidToken,
}

impl Kind {
    /// What a vendor tells of a push for a token, each with the number of delays after which it does.
    pub(crate) fn of(channel: Channel, token: &str, is_opened: bool) -> Vec<(Self, u64)> {
        if is_dead_later(token) {
            return if channel == Channel::Meizu { Vec::new() } else { vec![(Self::InvalidToken, 1)] };
        }
        let tells_of_opening = matches!(channel, Channel::Honor | Channel::Xiaomi | Channel::Meizu);
        let mut kinds = vec![(Self::Delivered, 1)];
        if tells_of_opening && is_opened {
            kinds.push((Self::Opened, 2));
        }
        kinds
    }
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) channel: Channel,
    pub(crate) url: String,
    pub(crate) vendor_id: String,
    /// Our id, as it travelled.
    pub(crate) message: String,
    pub(crate) token: String,
    pub(crate) kind: Kind,
    /// When it happened: milliseconds since 1970.
    pub(crate) at: u64,
}

/// Receipts of one vendor, URL and kind that go together.
pub(crate) type Batch = Vec<Receipt>;

/// Receipts that wait for their time.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    by_time: BTreeMap<(u64, u64), Receipt>,
    number: u64,
}

impl Queue {
    /// False = there is no room.
    pub(crate) fn put(&self, due: u64, receipt: Receipt) -> bool {
        {
            let mut waiting = self.lock();
            if waiting.by_time.len() >= WAITING_MAX {
                return false;
            }
            waiting.number += 1;
            let key = (due, waiting.number);
            waiting.by_time.insert(key, receipt);
        }
        self.changed.notify_one();
        true
    }

    /// When the first is due.
    fn next_due(&self) -> Option<u64> {
        self.lock().by_time.keys().next().map(|(due, _)| *due)
    }

    /// Takes what is due, in the batches that it is posted in.
    fn take_due(&self, now: u64, max: usize) -> Vec<Batch> {
        let mut waiting = self.lock();
        let mut grouped: BTreeMap<(&'static str, String, Kind), Vec<Receipt>> = BTreeMap::new();
        for _ in 0..max {
            let Some(entry) = waiting.by_time.first_entry().filter(|entry| entry.key().0 <= now) else { break };
            let receipt = entry.remove();
            grouped.entry((receipt.channel.name(), receipt.url.clone(), receipt.kind)).or_default().push(receipt);
        }
        grouped
            .into_values()
            .flat_map(|group| group.chunks(BATCH_MAX).map(<[Receipt]>::to_vec).collect::<Vec<_>>())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(channel: Channel, kind: Kind) -> Receipt {
        let (url, vendor_id) = ("http://here".to_owned(), "v".to_owned());
        Receipt { channel, url, vendor_id, message: "m".into(), token: "t".into(), kind, at: 1 }
    }

    #[test]
    fn what_is_due_is_taken_together_by_vendor_and_kind() {
        let queue = Queue::default();
        for due in 0..150 {
            assert!(queue.put(due, receipt(Channel::Xiaomi, Kind::Delivered)));
        }
        assert!(queue.put(5, receipt(Channel::Xiaomi, Kind::Opened)));
        assert!(queue.put(1_000, receipt(Channel::Oppo, Kind::Delivered)));
        let sizes: Vec<_> = queue.take_due(200, 1_000).iter().map(Vec::len).collect();
        assert_eq!(sizes, [100, 50, 1]);
        assert_eq!(queue.next_due(), Some(1_000));
    }

    #[test]
    fn a_vendor_tells_what_it_can() {
        assert_eq!(Kind::of(Channel::Oppo, "t", true), [(Kind::Delivered, 1)]);
        assert_eq!(Kind::of(Channel::Xiaomi, "t", true), [(Kind::Delivered, 1), (Kind::Opened, 2)]);
        assert_eq!(Kind::of(Channel::Vivo, "invalid-later-1", true), [(Kind::InvalidToken, 1)]);
        assert_eq!(Kind::of(Channel::Meizu, "invalid-later-1", true), []);
    }
}
