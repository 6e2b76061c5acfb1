//! The version of the layout on disk, and what an earlier one needs before it is served.

use std::path::Path;

use bytes::Bytes;
use fjall::PersistMode;
use homing_domain::Message;

use crate::engine::Engine;
use crate::error::{OpenError, StoreResult};
use crate::table::{Key, Table};
use crate::{messages, rows};

/// Format of the layout that this release writes. It reads all earlier ones.
///
/// 1: the first. 2: messages have a time when they are looked at again ([`Table::MessagesDue`]); an earlier release would
/// not keep it, so it must not open such a store. 3: messages have audiences, schedules and controls, and devices
/// preferences, which an earlier release would drop. 4: messages have a delivery policy and a place in the feed of their app,
/// devices lanes, mailboxes a mark of their vendor, deliveries claims, likewise. 5: apps have alerts, and there are vendors'
/// channels with queues of their own and the reason that a vendor is silent: an earlier release would leave those queues
/// alone for ever, and could not read that reason. 6: deliveries know when they were sent and what their devices were, and
/// numbers are broken down by that: an earlier release would read such a number as devices that a message is for.
const FORMAT: u32 = 6;

/// Rows of one batch while an earlier format is brought to the present.
const PAGE_ROWS: usize = 1_000;

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
        // Rows of formats 2 to 5 are read as they are.
        Some(2..=5) => mark(engine).map_err(|error| OpenError::from_store(path, error)),
        Some(_) | None => upgrade(engine).map_err(|error| OpenError::from_store(path, error)),
    }
}

/// Gives every message that is not completed its place in [`Table::MessagesDue`]: format 1 knew only those whose job may be
/// lost, and relied on a close job in a queue for the others. Done page by page, the new format last: a crash in between
/// begins it anew, and it does the same again.
fn upgrade(engine: &Engine) -> StoreResult<()> {
    let mut page = Vec::with_capacity(PAGE_ROWS);
    for row in engine.scan(&Key::of(Table::Messages), None) {
        let (_, value) = row?;
        // What cannot be read can be neither released nor closed.
        page.extend(rows::read::<Message>(Table::Messages, value).ok().as_ref().and_then(messages::due));
        if page.len() >= PAGE_ROWS {
            commit(engine, std::mem::take(&mut page), Vec::new(), None)?;
        }
    }
    let old: StoreResult<Vec<_>> = engine.scan(&Key::of(Table::MessagesAccepted), None).map(|row| Ok(row?.0)).collect();
    commit(engine, page, old?, Some(FormatRow { version: FORMAT }))
}

fn mark(engine: &Engine) -> StoreResult<()> {
    commit(engine, Vec::new(), Vec::new(), Some(FormatRow { version: FORMAT }))
}

fn commit(engine: &Engine, due: Vec<Key>, old: Vec<Bytes>, format: Option<FormatRow>) -> StoreResult<()> {
    let mut batch = engine.database.batch().durability(Some(PersistMode::SyncAll));
    for key in due {
        batch.insert(engine.keyspace(key.table), key.bytes, []);
    }
    for key in old {
        batch.remove(engine.keyspace(Table::MessagesAccepted), key);
    }
    if let Some(format) = format {
        let key = Key::of(Table::Format);
        batch.insert(engine.keyspace(key.table), key.bytes, prost::Message::encode_to_vec(&format));
    }
    Ok(batch.commit()?)
}

#[cfg(test)]
mod tests {
    use homing_domain::{
        AlertSettings, App, Audience, Control, Counter, Delivery, DeliveryPolicy, Device, DeviceId, Exclusion, Lane,
        LaneChange, MessageId, Options, Priority, Schedule, Stage, Tally, UnixMillis,
    };

    use super::*;

    fn message(n: u8, stage: Stage) -> Message {
        Message {
            id: MessageId::from_bytes([n; 16]),
            app: "shop".parse().unwrap(),
            audience: Audience::All,
            payload: Bytes::from_static(b"{}"),
            options: Options { ttl_seconds: 60, priority: Priority::Low, collapse_key: None, ..Options::default() },
            body_sha256: [3; 32],
            accepted_at: UnixMillis(1_000),
            release_at: None,
            expires_at: UnixMillis(61_000),
            stage,
            releasing_at: None,
            released_at: None,
            exclude: Exclusion::default(),
            localizations: Vec::new(),
            overrides: Vec::new(),
            recalls: None,
            schedule: Schedule::Now,
            series: None,
            control: Control::default(),
            holds: Vec::new(),
            feed_after: None,
            segments_done: 0,
        }
    }

    /// What the first release left behind: its version, messages, and the mark of one whose job may be lost.
    fn old_store(directory: &Path, messages: &[Message]) {
        let engine = Engine::open(directory).unwrap();
        let put = |key: Key, value: Vec<u8>| engine.keyspace(key.table).insert(key.bytes, value).unwrap();
        put(Key::of(Table::Format), vec![0x08, 0x01]);
        for message in messages {
            put(messages::key(&message.id), rows::write(message));
        }
        put(Key::of(Table::Messages).message(&MessageId::from_bytes([9; 16])), vec![0xff]);
        put(Key::of(Table::MessagesAccepted).time(UnixMillis(1_000)).message(&messages[0].id), Vec::new());
    }

    fn bytes_of(fixture: &str) -> Vec<u8> {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        fixture.trim_end().as_bytes().chunks(2).map(byte).collect()
    }

    /// A scheduled message as the second format has it: a later release's fields are not there.
    const SECOND: &str = include_str!("rows/fixtures/message_2_scheduled.hex");
    /// A message with all that the third format has.
    const THIRD: &str = include_str!("rows/fixtures/message_3.hex");
    /// A device of the third format with quiet hours.
    const THIRD_DEVICE: &str = include_str!("rows/fixtures/device_3.hex");

    /// An app as all formats before the fifth have it.
    const APP: &str = include_str!("rows/fixtures/app.hex");

    #[test]
    fn the_fifth_format_is_read_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (message, device) = (MessageId::from_bytes([2; 16]), DeviceId::from_bytes([1; 16]));
        let delivery = Key::of(Table::Deliveries).message(&message).device(&device);
        let tally = Key::of(Table::Tallies).message(&message);
        {
            let engine = Engine::open(directory.path()).unwrap();
            let put = |key: Key, value: Vec<u8>| engine.keyspace(key.table).insert(key.bytes, value).unwrap();
            put(Key::of(Table::Format), vec![0x08, 0x05]);
            put(delivery.clone(), bytes_of(include_str!("rows/fixtures/delivery.hex")));
            put(tally.clone(), bytes_of(include_str!("rows/fixtures/tally.hex")));
        }
        for _ in 0..2 {
            let engine = Engine::open(directory.path()).unwrap();
            let delivery = engine.noun::<Delivery>(&delivery).unwrap().unwrap();
            assert_eq!((delivery.stage, delivery.sent, delivery.about), (Stage::Delivered, None, None));
            assert_eq!(engine.noun::<Tally>(&tally).unwrap().unwrap().get(Counter::Targeted), 300);
            assert_eq!(engine.row::<FormatRow>(&Key::of(Table::Format)).unwrap(), Some(FormatRow { version: FORMAT }));
        }
    }

    #[test]
    fn the_fourth_format_is_read_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let app = Key::of(Table::Apps).app(&"shop".parse().unwrap());
        let message = messages::key(&MessageId::from_bytes([2; 16]));
        {
            let engine = Engine::open(directory.path()).unwrap();
            let put = |key: Key, value: Vec<u8>| engine.keyspace(key.table).insert(key.bytes, value).unwrap();
            put(Key::of(Table::Format), vec![0x08, 0x04]);
            put(app.clone(), bytes_of(APP));
            put(message.clone(), bytes_of(THIRD));
        }
        for _ in 0..2 {
            let engine = Engine::open(directory.path()).unwrap();
            assert_eq!(engine.noun::<App>(&app).unwrap().unwrap().alerts, AlertSettings::default());
            assert!(engine.noun::<Message>(&message).unwrap().is_some());
            assert_eq!(engine.row::<FormatRow>(&Key::of(Table::Format)).unwrap(), Some(FormatRow { version: FORMAT }));
        }
    }

    #[test]
    fn the_third_format_is_read_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let message = messages::key(&MessageId::from_bytes([2; 16]));
        let device = Key::of(Table::Devices).device(&DeviceId::from_bytes([1; 16]));
        {
            let engine = Engine::open(directory.path()).unwrap();
            let put = |key: Key, value: Vec<u8>| engine.keyspace(key.table).insert(key.bytes, value).unwrap();
            put(Key::of(Table::Format), vec![0x08, 0x03]);
            put(message.clone(), bytes_of(THIRD));
            put(device.clone(), bytes_of(THIRD_DEVICE));
        }
        for _ in 0..2 {
            let engine = Engine::open(directory.path()).unwrap();
            let message = engine.noun::<Message>(&message).unwrap().unwrap();
            assert_eq!((message.options.delivery, message.feed_after), (DeliveryPolicy::default(), None));
            let device = engine.noun::<Device>(&device).unwrap().unwrap();
            assert_eq!(device.lanes, [LaneChange { at: UnixMillis(0), to: Lane::Pages }], "for its quiet hours");
            assert_eq!(engine.row::<FormatRow>(&Key::of(Table::Format)).unwrap(), Some(FormatRow { version: FORMAT }));
        }
    }

    #[test]
    fn the_second_format_is_read_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = bytes_of(SECOND);
        let id = MessageId::from_bytes([2; 16]);
        {
            let engine = Engine::open(directory.path()).unwrap();
            let put = |key: Key, value: Vec<u8>| engine.keyspace(key.table).insert(key.bytes, value).unwrap();
            put(Key::of(Table::Format), vec![0x08, 0x02]);
            put(messages::key(&id), bytes);
            put(Key::of(Table::MessagesDue).time(UnixMillis(65_000)).message(&id), Vec::new());
        }
        for _ in 0..2 {
            let engine = Engine::open(directory.path()).unwrap();
            let message = engine.noun::<Message>(&messages::key(&id)).unwrap().unwrap();
            assert_eq!(message.schedule, Schedule::At(UnixMillis(5_000)));
            let due = engine.page(&Key::of(Table::MessagesDue), None, 9).unwrap();
            let keys: Vec<_> = due.into_iter().map(|(key, _)| key.to_vec()).collect();
            assert_eq!(keys, [messages::due(&message).unwrap().bytes], "where it stood");
            assert_eq!(engine.row::<FormatRow>(&Key::of(Table::Format)).unwrap(), Some(FormatRow { version: FORMAT }));
        }
    }

    #[test]
    fn a_later_format_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        {
            let engine = Engine::open(directory.path()).unwrap();
            let key = Key::of(Table::Format);
            let later = FormatRow { version: FORMAT + 1 };
            engine.keyspace(key.table).insert(key.bytes, prost::Message::encode_to_vec(&later)).unwrap();
        }
        let refused = Engine::open(directory.path()).err().unwrap();
        assert!(matches!(refused, OpenError::NewerFormat { found, known: FORMAT, .. } if found == FORMAT + 1));
    }

    #[test]
    fn the_first_format_is_brought_to_the_present_once() {
        let directory = tempfile::tempdir().unwrap();
        let messages = [message(1, Stage::Accepted), message(2, Stage::Released), message(3, Stage::Completed)];
        old_store(directory.path(), &messages);
        for _ in 0..2 {
            let engine = Engine::open(directory.path()).unwrap();
            let due = engine.page(&Key::of(Table::MessagesDue), None, 9).unwrap();
            let keys: Vec<_> = due.into_iter().map(|(key, _)| key.to_vec()).collect();
            let wanted: Vec<_> = messages.iter().filter_map(messages::due).map(|key| key.bytes).collect();
            assert_eq!(keys, wanted);
            assert_eq!(keys.len(), 2);
            assert!(engine.page(&Key::of(Table::MessagesAccepted), None, 9).unwrap().is_empty());
        }
    }
}
