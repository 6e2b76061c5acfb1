//! What an operation sees and writes while its group is being made.

use std::collections::HashMap;

use bytes::Bytes;
use fjall::OwnedWriteBatch;

use crate::engine::Engine;
use crate::error::StoreResult;
use crate::rows::{self, Row, Stored};
use crate::table::{Key, Space, Table};

/// Runs after the group is durable and visible.
type Effect = Box<dyn FnOnce() + Send>;
/// What a key holds in this group: `None` = deleted.
type Written = Option<Bytes>;

/// Committed data with this group's writes on top of it.
pub(crate) struct View<'e> {
    engine: &'e Engine,
    /// Writes of the group, by keyspace.
    written: [HashMap<Vec<u8>, Written>; Space::ALL.len()],
    effects: Vec<Effect>,
    /// How to take back the running operation's writes: what each key held in the group before.
    undo: Vec<(Space, Vec<u8>, Option<Written>)>,
    /// How many effects there were before the running operation.
    effects_before: usize,
}

impl<'e> View<'e> {
    pub(super) fn new(engine: &'e Engine) -> Self {
        Self { engine, written: Default::default(), effects: Vec::new(), undo: Vec::new(), effects_before: 0 }
    }

    /// Runs one operation; takes back what it wrote when it fails.
    pub(super) fn run<T>(&mut self, operation: impl FnOnce(&mut Self) -> StoreResult<T>) -> StoreResult<T> {
        self.undo.clear();
        self.effects_before = self.effects.len();
        let result = operation(self);
        if result.is_err() {
            self.roll_back();
        }
        result
    }

    /// Takes back what the running operation wrote.
    pub(super) fn roll_back(&mut self) {
        for (space, key, before) in self.undo.drain(..).rev() {
            let written = &mut self.written[space as usize];
            match before {
                Some(before) => written.insert(key, before),
                None => written.remove(&key),
            };
        }
        self.effects.truncate(self.effects_before);
    }

    /// The group's writes as one batch, and what is to be done once they are durable. The view is empty afterwards.
    pub(super) fn take(&mut self) -> (OwnedWriteBatch, Vec<Effect>) {
        let mut batch = self.engine.database.batch();
        for space in Space::ALL {
            let keyspace = self.engine.keyspace_of(space);
            for (key, value) in self.written[space as usize].drain() {
                match value {
                    Some(value) => batch.insert(keyspace, key, value),
                    None => batch.remove(keyspace, key),
                }
            }
        }
        self.undo.clear();
        self.effects_before = 0;
        (batch, std::mem::take(&mut self.effects))
    }

    /// One value.
    pub(crate) fn get(&self, key: &Key) -> StoreResult<Option<Bytes>> {
        match self.written[key.table.space() as usize].get(&key.bytes) {
            Some(written) => Ok(written.clone()),
            None => self.engine.get(key),
        }
    }

    /// Whether there is a value.
    pub(crate) fn contains(&self, key: &Key) -> StoreResult<bool> {
        self.get(key).map(|value| value.is_some())
    }

    /// One row.
    pub(crate) fn row<R: Row>(&self, key: &Key) -> StoreResult<Option<R>> {
        self.get(key)?.map(|value| rows::decode(key.table, value)).transpose()
    }

    /// One noun.
    pub(crate) fn noun<T: Stored>(&self, key: &Key) -> StoreResult<Option<T>> {
        self.get(key)?.map(|value| rows::read(key.table, value)).transpose()
    }

    /// Writes a noun.
    pub(crate) fn put_noun(&mut self, key: Key, noun: &impl Stored) {
        self.put(key, rows::write(noun));
    }

    /// Writes a value.
    pub(crate) fn put(&mut self, key: Key, value: impl Into<Bytes>) {
        self.write(key.table, key.bytes, Some(value.into()));
    }

    /// Writes a key that says everything by being there.
    pub(crate) fn put_mark(&mut self, key: Key) {
        self.put(key, Bytes::new());
    }

    /// Writes a row.
    pub(crate) fn put_row(&mut self, key: Key, row: &impl Row) {
        self.put(key, row.encode_to_vec());
    }

    /// Deletes a value.
    pub(crate) fn delete(&mut self, key: Key) {
        self.write(key.table, key.bytes, None);
    }

    /// Does something once the group is durable. It runs on the committer's thread: it must be quick.
    pub(crate) fn once_durable(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.effects.push(Box::new(effect));
    }

    fn write(&mut self, table: Table, key: Vec<u8>, value: Written) {
        let before = self.written[table.space() as usize].insert(key.clone(), value);
        self.undo.push((table.space(), key, before));
    }
}
