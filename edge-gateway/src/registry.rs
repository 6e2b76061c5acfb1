//! Which links of which devices this process has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use homing_domain::{ConnSeq, DeviceId, HandOffTarget, PushBody};

use crate::handle::{Handle, Told};

/// Parts with a lock each: as many as keep workers of a large machine apart.
const PARTS: usize = 64;

/// A connection with this or a larger number is here already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotNew(pub(crate) ConnSeq);

/// The links of one device, the smallest number first: one, but for the moments of a takeover and of leaving.
type Links = Vec<(ConnSeq, Arc<Handle>)>;

/// The map.
#[derive(Debug)]
pub(crate) struct Registry {
    parts: Vec<Mutex<HashMap<DeviceId, Links>>>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }

    /// Adds a connection whose takeover is about to be called. Older ones stay until it has succeeded.
    pub(crate) fn register(&self, device: DeviceId, conn_seq: ConnSeq, handle: Arc<Handle>) -> Result<(), NotNew> {
        let mut part = self.part(device);
        let links = part.entry(device).or_default();
        match links.last() {
            Some((newest, _)) if *newest >= conn_seq => Err(NotNew(*newest)),
            _ => {
                links.reserve_exact(1);
                links.push((conn_seq, handle));
                Ok(())
            }
        }
    }

    /// A takeover succeeded: older links of the device are over.
    pub(crate) fn promote(&self, device: DeviceId, conn_seq: ConnSeq) {
        self.tell_older(device, conn_seq, |told| told.superseded = told.superseded.max(Some(conn_seq)));
    }

    /// Removes a link that has left.
    pub(crate) fn remove(&self, device: DeviceId, conn_seq: ConnSeq) {
        if let Entry::Occupied(mut links) = self.part(device).entry(device) {
            links.get_mut().retain(|(number, _)| *number != conn_seq);
            if links.get().is_empty() {
                links.remove();
            }
        }
    }

    /// Gives a hand-off to its link. `false` = there is no link that could bring it; a smaller number than that of a link
    /// here is no loss unless the push has no mailbox entry, and then the newest link brings it.
    pub(crate) fn hand_off(&self, body: &Arc<PushBody>, target: HandOffTarget) -> bool {
        let handle = {
            let part = self.part(target.device);
            let Some(links) = part.get(&target.device) else {
                return false;
            };
            let exact = links.iter().find(|(number, _)| *number == target.conn_seq);
            match (exact, links.last()) {
                (Some((_, handle)), _) => Arc::clone(handle),
                (None, Some((newest, handle))) if target.conn_seq < *newest => {
                    if target.seq > 0 {
                        return true;
                    }
                    Arc::clone(handle)
                }
                _ => {
                    drop(part);
                    // Its number is larger than any here: what is here is fenced.
                    self.promote(target.device, target.conn_seq);
                    return false;
                }
            }
        };
        handle.hand_off(body, target)
    }

    /// Tells the link with this number.
    pub(crate) fn tell(&self, device: DeviceId, conn_seq: ConnSeq, change: impl FnOnce(&mut Told)) {
        let part = self.part(device);
        let found = part.get(&device).and_then(|links| links.iter().find(|(number, _)| *number == conn_seq));
        if let Some((_, handle)) = found {
            handle.tell(change);
        }
    }

    /// Tells all links of a device with a smaller number.
    pub(crate) fn tell_older(&self, device: DeviceId, conn_seq: ConnSeq, change: impl Fn(&mut Told)) {
        if let Some(links) = self.part(device).get(&device) {
            links.iter().filter(|(number, _)| *number < conn_seq).for_each(|(_, handle)| handle.tell(&change));
        }
    }

    /// Tells every link.
    pub(crate) fn tell_all(&self, change: impl Fn(&mut Told)) {
        (0..self.parts()).for_each(|part| self.tell_part(part, &change));
    }

    /// How many parts there are.
    pub(crate) const fn parts(&self) -> usize {
        PARTS
    }

    /// Tells every link of one part: about one link in [`Registry::parts`].
    pub(crate) fn tell_part(&self, part: usize, change: impl Fn(&mut Told)) {
        if let Some(part) = self.parts.get(part) {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.values().flatten().for_each(|(_, handle)| handle.tell(&change));
        }
    }

    fn part(&self, device: DeviceId) -> MutexGuard<'_, HashMap<DeviceId, Links>> {
        // The last byte of a device id is random, in whatever form the id is.
        let index = usize::from(device.as_bytes()[15]) % PARTS;
        // No code that runs under this lock can leave it half changed.
        self.parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use homing_domain::{MessageId, Priority, UnixMillis};

    use super::*;

    const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);

    fn body() -> Arc<PushBody> {
        Arc::new(PushBody {
            message: MessageId::from_bytes([2; 16]),
            accepted_at: UnixMillis(0),
            expires_at: UnixMillis::NEVER,
            priority: Priority::Normal,
            collapse_key: None,
            payload: Bytes::new(),
            recalls: None,
        })
    }

    fn target(conn_seq: ConnSeq, seq: u64) -> HandOffTarget {
        HandOffTarget { device: DEVICE, conn_seq, seq, enqueued_at: UnixMillis(0) }
    }

    fn with(numbers: &[ConnSeq]) -> (Registry, Vec<Arc<Handle>>) {
        let registry = Registry::new();
        let handles: Vec<_> = numbers
            .iter()
            .map(|number| {
                let handle = Arc::new(Handle::default());
                registry.register(DEVICE, *number, Arc::clone(&handle)).unwrap();
                handle
            })
            .collect();
        (registry, handles)
    }

    #[test]
    fn numbers_only_rise() {
        let (registry, _) = with(&[5]);
        assert_eq!(registry.register(DEVICE, 5, Arc::default()), Err(NotNew(5)));
        assert_eq!(registry.register(DEVICE, 4, Arc::default()), Err(NotNew(5)));
        assert_eq!(registry.register(DEVICE, 6, Arc::default()), Ok(()));
    }

    #[test]
    fn a_takeover_that_succeeds_ends_older_links() {
        let (registry, handles) = with(&[5, 6]);
        assert_eq!(handles[0].take().superseded, None);
        registry.promote(DEVICE, 6);
        assert_eq!(handles[0].take().superseded, Some(6));
        assert_eq!(handles[1].take().superseded, None);
    }

    #[test]
    fn a_hand_off_reaches_its_own_connection_only() {
        let (registry, handles) = with(&[5, 6]);
        assert!(registry.hand_off(&body(), target(5, 1)));
        assert_eq!(handles[0].take().hand_offs.len(), 1);
        assert!(registry.hand_off(&body(), target(4, 1)), "the takeover's answer held that entry");
        assert!(registry.hand_off(&body(), target(4, 0)), "nothing else would bring this one");
        assert_eq!(handles[1].take().hand_offs.len(), 1);
        assert!(!registry.hand_off(&body(), target(7, 1)));
        assert_eq!(handles[1].take().superseded, Some(7), "whoever has number 7 fenced this one");
        registry.remove(DEVICE, 5);
        registry.remove(DEVICE, 6);
        assert!(!registry.hand_off(&body(), target(6, 1)));
    }

    #[test]
    fn too_many_hand_offs_become_a_read() {
        let (registry, handles) = with(&[5]);
        for seq in 1..=64 {
            assert!(registry.hand_off(&body(), target(5, seq)));
        }
        assert!(registry.hand_off(&body(), target(5, 65)));
        assert!(!registry.hand_off(&body(), target(5, 0)), "without an entry it must be told elsewhere");
        let told = handles[0].take();
        assert_eq!((told.hand_offs.len(), told.reread), (64, true));
    }
}
