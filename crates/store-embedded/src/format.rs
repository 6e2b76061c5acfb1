//! The version of the layout on disk, and what an earlier one needs before it is served.

use std::path::Path;

use fjall::PersistMode;
use homing_domain::MessageId;
use homing_domain::limits::ACCEPTED_SWEEP_AFTER;

use crate::engine::Engine;
use crate::error::{OpenError, StoreError, StoreResult};
use crate::table::{Key, Table};

/// Format of the layout that this release writes. It reads all earlier ones.
///
/// 1: the first. 2: messages have a time when they are looked at again ([`Table::MessagesDue`]); an earlier release would
/// not keep it, so it must not open such a store.
const FORMAT: u32 = 2;

/// A version of the layout.
#[derive(Clone, PartialEq, prost::Message)]
struct FormatRow {
    #[prost(uint32, tag = "1")]
    version: u32,
}

/// Refuses a newer format, brings an older one to the present, and marks what is new.
pub(crate) fn check(engine: &Engine, path: &Path) -> Result<(), OpenError> {
    let found = engine.row::<FormatRow>(&Key::of(Table::Format)).map_err(|error| OpenError::from_store(path, error))?;
    match found.map(|row| row.version) {
        Some(found) if found > FORMAT => Err(OpenError::NewerFormat { path: path.to_owned(), found, known: FORMAT }),
        Some(FORMAT) => Ok(()),
        Some(_) | None => upgrade(engine).map_err(|error| OpenError::from_store(path, error)),
    }
}

/// Moves the few messages whose job may be lost to the table that knows when. Later stages of format 1 need nothing: their
/// close jobs wait in their queue. All in one batch, so that a crash leaves either format whole.
fn upgrade(engine: &Engine) -> StoreResult<()> {
    let mut batch = engine.database.batch().durability(Some(PersistMode::SyncAll));
    for row in engine.scan(&Key::of(Table::MessagesAccepted), None) {
        let (old, _) = row?;
        let due = due_of(&old).ok_or(StoreError::Damaged { table: Table::MessagesAccepted, what: "a key" })?;
        batch.insert(engine.keyspace(due.table), due.bytes, []);
        batch.remove(engine.keyspace(Table::MessagesAccepted), old);
    }
    let row = prost::Message::encode_to_vec(&FormatRow { version: FORMAT });
    let key = Key::of(Table::Format);
    batch.insert(engine.keyspace(key.table), key.bytes, row);
    Ok(batch.commit()?)
}

/// The key in [`Table::MessagesDue`] of a key of format 1: the table's byte, the time of acceptance, the message.
fn due_of(old: &[u8]) -> Option<Key> {
    let (_, tail) = old.split_first()?;
    let (accepted_at, id) = tail.split_first_chunk()?;
    let accepted_at = homing_domain::UnixMillis(u64::from_be_bytes(*accepted_at));
    Some(Key::of(Table::MessagesDue).time(accepted_at.plus(ACCEPTED_SWEEP_AFTER)).message(&MessageId::from_slice(id)?))
}

#[cfg(test)]
mod tests {
    use homing_domain::UnixMillis;

    use super::*;

    /// What the first release left behind: its version, and the mark of a message whose job may be lost.
    #[test]
    fn the_first_format_is_brought_to_the_present_once() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(directory.path()).unwrap();
        let format = Key::of(Table::Format);
        engine.keyspace(format.table).insert(format.bytes, [0x08, 0x01]).unwrap();
        let id = MessageId::from_bytes([7; 16]);
        let old = Key::of(Table::MessagesAccepted).time(UnixMillis(1_000)).message(&id);
        engine.keyspace(old.table).insert(old.bytes, []).unwrap();
        drop(engine);
        for _ in 0..2 {
            let engine = Engine::open(directory.path()).unwrap();
            let due = engine.page(&Key::of(Table::MessagesDue), None, 9).unwrap();
            let keys: Vec<_> = due.into_iter().map(|(key, _)| key.to_vec()).collect();
            assert_eq!(keys, [Key::of(Table::MessagesDue).time(UnixMillis(61_000)).message(&id).bytes]);
            assert!(engine.page(&Key::of(Table::MessagesAccepted), None, 9).unwrap().is_empty());
        }
    }
}
