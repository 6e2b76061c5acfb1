//! The ids of the messages that came last, against the same message coming twice: by two channels, or under another seq
//! from a mailbox that was made anew.

use std::collections::VecDeque;

use homing_domain::MessageId;
use homing_domain::limits::DEVICE_MAX_SEEN_IDS;

/// At most [`DEVICE_MAX_SEEN_IDS`] ids; the oldest give way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenIds(VecDeque<MessageId>);

impl SeenIds {
    /// Remembers an id. False = it was there already; it counts as the newest now.
    pub fn insert(&mut self, id: MessageId) -> bool {
        let known = self.0.iter().position(|seen| *seen == id);
        if let Some(position) = known {
            self.0.remove(position);
        } else if self.0.len() == DEVICE_MAX_SEEN_IDS {
            self.0.pop_front();
        }
        self.0.push_back(id);
        known.is_none()
    }

    /// Whether the id is remembered.
    #[must_use]
    pub fn contains(&self, id: MessageId) -> bool {
        self.0.contains(&id)
    }

    /// The ids, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<MessageId> for SeenIds {
    fn from_iter<I: IntoIterator<Item = MessageId>>(ids: I) -> Self {
        let mut seen = Self::default();
        ids.into_iter().for_each(|id| {
            seen.insert(id);
        });
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> MessageId {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        MessageId::from_bytes(bytes)
    }

    #[test]
    fn the_least_recently_seen_gives_way() {
        let mut seen: SeenIds = (0..256).map(id).collect();
        assert!(!seen.insert(id(0)), "known, and the newest now");
        assert!(seen.insert(id(256)));
        assert!(seen.contains(id(0)) && !seen.contains(id(1)) && seen.contains(id(2)));
        assert_eq!(seen.iter().count(), 256);
    }
}
