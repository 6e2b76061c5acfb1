//! What a run met: a simulation that never injects a fault or never takes a transition proves nothing about it.

use std::collections::BTreeMap;

/// How often each thing was met, by kind and name.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<(&'static str, &'static str), u64>);

impl Coverage {
    /// Counts one.
    pub fn hit(&mut self, kind: &'static str, name: &'static str) {
        *self.0.entry((kind, name)).or_insert(0) += 1;
    }

    /// How often it was met.
    #[must_use]
    pub fn count(&self, kind: &'static str, name: &'static str) -> u64 {
        self.0.get(&(kind, name)).copied().unwrap_or(0)
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Self) {
        for (key, count) in &other.0 {
            *self.0.entry(*key).or_insert(0) += count;
        }
    }

    /// All of it in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        self.0.iter().map(|((kind, name), count)| (*kind, *name, *count))
    }
}
