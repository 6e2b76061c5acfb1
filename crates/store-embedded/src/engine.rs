//! The engine with its keyspaces: opening, the format check, and reads of committed data.

use std::fs;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, Readable};

use crate::error::{OpenError, StoreError, StoreResult};
use crate::format;
use crate::rows::{self, Row, Stored};
use crate::table::{Key, Space, Table};

/// Block cache of the engine, in bytes: the hot rows of some ten thousand devices.
const CACHE_BYTES: u64 = 64 << 20;
/// Journal files are kept up to this size, in bytes: it bounds the replay at open (about a second) as well as the disk.
const JOURNAL_BYTES: u64 = 256 << 20;
/// A memtable of one keyspace is flushed at this size, in bytes: eight of them bound the memory.
const MEMTABLE_BYTES: u64 = 32 << 20;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) database: Database,
    keyspaces: Arc<[Keyspace]>,
}

impl Engine {
    /// Opens or creates the files in a directory.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(path).map_err(|error| OpenError::from_io(path.to_owned(), error))?;
        let in_engine = |error| OpenError::from_engine(path, error);
        let database = Database::builder(path)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .open()
            .map_err(in_engine)?;
        let mut keyspaces = Vec::with_capacity(Space::ALL.len());
        for space in Space::ALL {
            let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
            keyspaces.push(database.keyspace(space.name(), options).map_err(in_engine)?);
        }
        let engine = Self { database, keyspaces: keyspaces.into() };
        format::check(&engine, path)?;
        Ok(engine)
    }

    pub(crate) fn keyspace(&self, table: Table) -> &Keyspace {
        self.keyspace_of(table.space())
    }

    pub(crate) fn keyspace_of(&self, space: Space) -> &Keyspace {
        &self.keyspaces[space as usize]
    }

    /// One value as last committed.
    pub(crate) fn get(&self, key: &Key) -> StoreResult<Option<Bytes>> {
        Ok(self.keyspace(key.table).get(&key.bytes)?.map(Bytes::from))
    }

    /// One row as last committed.
    pub(crate) fn row<R: Row>(&self, key: &Key) -> StoreResult<Option<R>> {
        self.get(key)?.map(|value| rows::decode(key.table, value)).transpose()
    }

    /// One noun as last committed.
    pub(crate) fn noun<T: Stored>(&self, key: &Key) -> StoreResult<Option<T>> {
        self.get(key)?.map(|value| rows::read(key.table, value)).transpose()
    }

    /// Nouns of one table, as [`Self::page`].
    pub(crate) fn nouns<T: Stored>(&self, prefix: &Key, start: Option<Vec<u8>>, limit: usize) -> StoreResult<Vec<T>> {
        self.page(prefix, start, limit)?.into_iter().map(|(_, value)| rows::read(prefix.table, value)).collect()
    }

    /// Keys and values of one table that start with `prefix`, from `start` on (the prefix's start if none), at most
    /// `limit`, as they stood at one moment.
    pub(crate) fn page(&self, prefix: &Key, start: Option<Vec<u8>>, limit: usize) -> StoreResult<Vec<(Bytes, Bytes)>> {
        let mut rows = Vec::new();
        for row in self.scan(prefix, start).take(limit) {
            rows.push(row?);
        }
        Ok(rows)
    }

    /// As [`Self::page`], without a limit and one by one.
    pub(crate) fn scan(
        &self,
        prefix: &Key,
        start: Option<Vec<u8>>,
    ) -> impl Iterator<Item = StoreResult<(Bytes, Bytes)>> + use<> {
        let start = Bound::Included(start.unwrap_or_else(|| prefix.bytes.clone()));
        let range = (start, Bound::Excluded(prefix.after_all()));
        let snapshot = self.database.snapshot();
        snapshot.range(self.keyspace(prefix.table), range).map(|guard| {
            let (key, value) = guard.into_inner()?;
            Ok((Bytes::from(key), Bytes::from(value)))
        })
    }

    /// The last key that starts with `prefix`.
    pub(crate) fn last_key(&self, prefix: &Key) -> StoreResult<Option<Bytes>> {
        let last = self.database.snapshot().prefix(self.keyspace(prefix.table), &prefix.bytes).next_back();
        Ok(last.map(fjall::Guard::key).transpose()?.map(Bytes::from))
    }

    /// Runs a reading that may have to go to the disk many times, away from the async workers.
    pub(crate) async fn read_pages<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let engine = self.clone();
        match tokio::task::spawn_blocking(move || read(&engine)).await {
            Ok(result) => result,
            // The task is never aborted: it panicked, or the runtime is going down.
            Err(_) => Err(StoreError::Closed),
        }
    }
}
