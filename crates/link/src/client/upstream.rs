//! Messages to the business on their way: sent on each link again, under the same id, until the gateway has settled them.

use std::collections::BTreeMap;

use bytes::Bytes;
use homing_domain::limits::UPSTREAM_MAX_IN_FLIGHT;
use homing_domain::{ConnSeq, Millis, UnixMillis, UpstreamId};
use homing_wire::{Up, UpCode};

use super::receipts::OutboxFull;

/// Messages to the business that a device holds unsettled: 64 × 4 KiB is what a phone spares for them.
pub const UPS_MAX: usize = 64;

/// After "busy" the same message is sent again this much later.
const BUSY_RETRY: Millis = 2_000;

/// A message to the business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The device's own number of it, never used twice.
    pub id: UpstreamId,
    /// What it is about.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
}

#[derive(Debug)]
struct Waiting {
    upload: Upload,
    /// On which connection it is under way.
    on: Option<ConnSeq>,
    not_before: UnixMillis,
}

#[derive(Debug, Default)]
pub(super) struct Uploads(BTreeMap<UpstreamId, Waiting>);

impl Uploads {
    pub(super) fn add(&mut self, upload: Upload) -> Result<(), OutboxFull> {
        if self.0.len() >= UPS_MAX {
            return Err(OutboxFull);
        }
        self.0.entry(upload.id).or_insert(Waiting { upload, on: None, not_before: UnixMillis::default() });
        Ok(())
    }

    /// The next message to be sent on this connection, if there is one and room for it.
    pub(super) fn next(&mut self, now: UnixMillis, connection: ConnSeq) -> Option<Up> {
        if self.in_flight(connection) >= UPSTREAM_MAX_IN_FLIGHT {
            return None;
        }
        let next = self.0.values_mut().find(|waiting| waiting.on != Some(connection) && waiting.not_before <= now)?;
        next.on = Some(connection);
        let Upload { id, topic, payload } = next.upload.clone();
        Some(Up { id, topic, payload })
    }

    /// When a message that was answered "busy" may be sent again. `None` while there is no room: an answer makes some.
    pub(super) fn next_retry(&self, connection: ConnSeq) -> Option<UnixMillis> {
        if self.in_flight(connection) >= UPSTREAM_MAX_IN_FLIGHT {
            return None;
        }
        self.0.values().filter(|waiting| waiting.on != Some(connection)).map(|waiting| waiting.not_before).min()
    }

    fn in_flight(&self, connection: ConnSeq) -> usize {
        self.0.values().filter(|waiting| waiting.on == Some(connection)).count()
    }

    /// An answer. True = it is settled.
    pub(super) fn answered(&mut self, now: UnixMillis, id: UpstreamId, code: UpCode) -> bool {
        match code {
            UpCode::Stored | UpCode::Refused => self.0.remove(&id).is_some(),
            UpCode::Busy => {
                if let Some(waiting) = self.0.get_mut(&id) {
                    waiting.on = None;
                    waiting.not_before = now.plus(BUSY_RETRY);
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000);

    fn uploads(count: u64) -> Uploads {
        let mut uploads = Uploads::default();
        for id in 1..=count {
            uploads.add(Upload { id, topic: "t".into(), payload: Bytes::new() }).unwrap();
        }
        uploads
    }

    #[test]
    fn eight_are_in_flight_and_an_answer_makes_room() {
        let mut uploads = uploads(10);
        let sent: Vec<_> = std::iter::from_fn(|| uploads.next(NOW, 1)).map(|up| up.id).collect();
        assert_eq!(sent, (1..=8).collect::<Vec<_>>());
        assert!(uploads.answered(NOW, 3, UpCode::Stored));
        assert_eq!(uploads.next(NOW, 1).unwrap().id, 9);
        assert_eq!(uploads.next_retry(1), None, "nothing to wait for but an answer");
        assert!(!uploads.answered(NOW, 3, UpCode::Stored), "settled once");
    }

    #[test]
    fn busy_waits_and_a_new_link_sends_again() {
        let mut uploads = uploads(1);
        assert_eq!(uploads.next(NOW, 1).unwrap().id, 1);
        assert!(!uploads.answered(NOW, 1, UpCode::Busy));
        assert_eq!(uploads.next(NOW, 1), None);
        assert_eq!(uploads.next_retry(1), Some(NOW.plus(BUSY_RETRY)));
        assert_eq!(uploads.next(NOW.plus(BUSY_RETRY), 1).unwrap().id, 1);
        assert_eq!(uploads.next(NOW.plus(BUSY_RETRY), 2).unwrap().id, 1);
    }

    #[test]
    fn it_has_an_end() {
        let mut uploads = uploads(UPS_MAX as u64);
        assert_eq!(uploads.add(Upload { id: 99, topic: String::new(), payload: Bytes::new() }), Err(OutboxFull));
    }
}
