//! The feed of one app, as a gateway knows it: shared by all its links of that app.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use homing_domain::{FeedAction, FeedEntry, FeedOffset, MessageId, PushBody, UnixMillis};

/// What was read of a feed. The owner reads on after [`FeedLog::head`] on a hint, by the clock, and when a device is ahead.
#[derive(Debug, Default)]
pub struct FeedLog {
    head: FeedOffset,
    /// What is to be brought, without what expired; stopped entries among them.
    entries: VecDeque<(FeedOffset, FeedEntry)>,
    /// Until when: a stop may stand before what it stops, and means nothing once that has expired.
    stopped: BTreeMap<MessageId, UnixMillis>,
}

impl FeedLog {
    /// Up to where it was read.
    #[must_use]
    pub const fn head(&self) -> FeedOffset {
        self.head
    }

    /// Takes what was read after [`Self::head`], in order, and drops what has expired. What is known already is ignored, so
    /// two reads at the same time do no harm.
    pub fn append(&mut self, now: UnixMillis, read: impl IntoIterator<Item = (FeedOffset, FeedEntry)>) {
        for (offset, entry) in read {
            if offset <= self.head {
                continue;
            }
            self.head = offset;
            match entry.action {
                FeedAction::Bring => self.entries.push_back((offset, entry)),
                FeedAction::Stop => {
                    self.stopped.insert(entry.message, entry.expires_at);
                }
            }
        }
        self.entries.retain(|(_, entry)| entry.expires_at > now);
        self.stopped.retain(|_, expires_at| *expires_at > now);
    }

    /// What is still to be brought to a device that is done up to `after`, in order.
    pub fn after(&self, after: FeedOffset, now: UnixMillis) -> impl Iterator<Item = (FeedOffset, MessageId)> + '_ {
        let first = self.entries.partition_point(|(offset, _)| *offset <= after);
        let rest = self.entries.range(first..);
        let live = rest.filter(move |(_, entry)| entry.expires_at > now && !self.stopped.contains_key(&entry.message));
        live.map(|(offset, entry)| (*offset, entry.message))
    }
}

/// A part of a feed, as it is for one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// Everything after the asked offset up to here is among the pushes or not for the device. A page that was cut at its
    /// limit ends at its last push.
    pub through: FeedOffset,
    /// What is for the device, in order.
    pub pushes: Vec<(FeedOffset, Arc<PushBody>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(message: u8, action: FeedAction) -> FeedEntry {
        FeedEntry { message: MessageId::from_bytes([message; 16]), action, expires_at: UnixMillis(100) }
    }

    fn offsets(log: &FeedLog, after: FeedOffset, now: u64) -> Vec<FeedOffset> {
        log.after(after, UnixMillis(now)).map(|(offset, _)| offset).collect()
    }

    #[test]
    fn a_stop_holds_wherever_it_stands() {
        let mut log = FeedLog::default();
        let bring = |message| entry(message, FeedAction::Bring);
        log.append(UnixMillis(0), [(4, bring(1)), (5, bring(2)), (6, entry(3, FeedAction::Stop))]);
        assert_eq!(offsets(&log, 0, 0), [4, 5]);
        log.append(UnixMillis(0), [(5, bring(9)), (7, entry(1, FeedAction::Stop)), (8, bring(3)), (9, bring(4))]);
        assert_eq!((log.head(), offsets(&log, 0, 0)), (9, vec![5, 9]));
        assert_eq!(offsets(&log, 5, 0), [9]);
        assert_eq!(offsets(&log, 0, 100), [0; 0]);
        log.append(UnixMillis(100), []);
        assert!(log.entries.is_empty() && log.stopped.is_empty());
    }
}
