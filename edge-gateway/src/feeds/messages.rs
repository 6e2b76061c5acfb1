//! The messages of feeds, each read once for all devices.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use homing_domain::{Message, MessageId};
use homing_ports::{Messages, Result};
use tokio::sync::OnceCell;

/// Messages that are kept. A device that was away for long, or keeps no place, is asked about all that have not expired, so
/// with fewer than those each such device would read them anew: a hundred apps with forty each.
const KEPT: usize = 4_096;
/// Bytes of them: a message takes one or two KiB, and 132 KiB in 33 languages of the longest.
const KEPT_BYTES: usize = 32 * 1_024 * 1_024;
/// What a message takes besides its texts and lists.
const MESSAGE_BYTES: usize = 1_024;

/// Filled by the first who asks; `None` = there is no such message any more.
type Slot = Arc<OnceCell<Option<Arc<Message>>>>;

/// The latest messages. What a feed needs of them does not change once their release has begun.
#[derive(Debug, Default)]
pub(crate) struct FeedMessages(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Each with its size, once it is known.
    slots: HashMap<MessageId, (Slot, usize)>,
    /// Oldest first.
    order: VecDeque<MessageId>,
    bytes: usize,
}

impl FeedMessages {
    /// A message. Many may ask at one moment: one of them reads it, and the next one does if that read fails or is dropped.
    pub(super) async fn message<P: Messages>(&self, ports: &P, id: MessageId) -> Result<Option<Arc<Message>>> {
        let slot = self.kept().slot(id);
        let read = || async {
            let message = ports.message(id).await?;
            self.kept().weigh(id, message.as_ref().map_or(0, size_bytes));
            Ok(message.map(Arc::new))
        };
        slot.get_or_try_init(read).await.cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No code that runs under this lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn slot(&mut self, id: MessageId) -> Slot {
        if let Some((slot, _)) = self.slots.get(&id) {
            return Arc::clone(slot);
        }
        if self.order.len() >= KEPT {
            self.drop_oldest();
        }
        let slot = Slot::default();
        self.order.push_back(id);
        self.slots.insert(id, (Arc::clone(&slot), 0));
        slot
    }

    /// Its size is known. Whoever holds one that is dropped goes on with it.
    fn weigh(&mut self, id: MessageId, bytes: usize) {
        let Some((_, size)) = self.slots.get_mut(&id) else {
            return;
        };
        self.bytes = self.bytes - std::mem::replace(size, bytes) + bytes;
        while self.bytes > KEPT_BYTES {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let oldest = self.order.pop_front().and_then(|oldest| self.slots.remove(&oldest));
        self.bytes -= oldest.map_or(0, |(_, size)| size);
    }
}

/// About how much memory it takes.
fn size_bytes(message: &Message) -> usize {
    let texts: usize = message.localizations.iter().map(|localization| localization.payload.len()).sum();
    let users: usize = message.exclude.users.iter().map(|user| user.as_str().len()).sum();
    MESSAGE_BYTES + message.payload.len() + texts + users + message.exclude.devices.len() * size_of::<MessageId>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> MessageId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_le_bytes());
        MessageId::from_bytes(id)
    }

    #[test]
    fn the_latest_are_kept_and_no_more_than_there_is_room_for() {
        let mut kept = Kept::default();
        let first = kept.slot(id(0));
        assert!(Arc::ptr_eq(&first, &kept.slot(id(0))));
        for n in 1..=KEPT {
            kept.slot(id(n));
        }
        assert_eq!((kept.slots.len(), kept.order.len()), (KEPT, KEPT));
        assert!(!kept.slots.contains_key(&id(0)));
    }

    #[test]
    fn large_ones_leave_room_for_fewer() {
        const LARGE: usize = KEPT_BYTES / 10;
        let mut kept = Kept::default();
        for n in 0..100 {
            kept.slot(id(n));
            kept.weigh(id(n), LARGE);
            // Read a second time, because the first read was dropped.
            kept.weigh(id(n), LARGE);
            assert!(kept.bytes <= KEPT_BYTES);
        }
        assert_eq!((kept.slots.len(), kept.bytes), (10, 10 * LARGE));
        kept.weigh(id(0), LARGE);
        assert_eq!(kept.bytes, 10 * LARGE, "one that was dropped weighs nothing");
    }
}
