//! A map that forgets the oldest.

use std::collections::{BTreeMap, VecDeque};

/// Entries by key, at most so many: the oldest goes first.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    max: usize,
    entries: BTreeMap<K, V>,
    /// Keys, oldest first.
    order: VecDeque<K>,
}

impl<K: Ord + Clone, V> Bounded<K, V> {
    pub(crate) const fn new(max: usize) -> Self {
        Self { max, entries: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn find(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn holds(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.entries.insert(key.clone(), value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    /// Takes everything out.
    pub(crate) fn drain(&mut self) -> Vec<(K, V)> {
        self.order.clear();
        std::mem::take(&mut self.entries).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_a_key_counts_once() {
        let mut map = Bounded::new(2);
        map.put("a", 1);
        map.put("a", 2);
        map.put("b", 3);
        assert_eq!((map.find(&"a"), map.find(&"b")), (Some(&2), Some(&3)));
        map.put("c", 4);
        assert!(!map.holds(&"a"));
        assert_eq!(map.drain(), [("b", 3), ("c", 4)]);
        assert!(!map.holds(&"b"));
    }
}
