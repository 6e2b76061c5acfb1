use bytes::Bytes;
use homing_domain::{DeviceId, MessageId, Priority, UnixMillis};
use homing_link::Transport;
use homing_link::client::{Cursor, Failed, Learned, Lesson, Message, Networks, Upload};
use homing_wire::{PayloadEncoding, SkipReason};
use tempfile::TempDir;

use super::super::{Event, Item, Winner};
use super::*;

fn arrived(seq: u64, event: Event) -> Change {
    Change::Arrived { cursor: Cursor { epoch: 3, seq, feed: seq * 2 }, item: Some(Item { number: seq, event }) }
}

fn message(seq: u64) -> Event {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    Event::Message(Message {
        id: MessageId::from_bytes(id),
        seq,
        accepted_at: UnixMillis(5),
        expires_at: UnixMillis(6),
        priority: Priority::High,
        collapse_key: seq.is_multiple_of(2).then(|| "score".to_owned()),
        encoding: PayloadEncoding::Aes128Gcm,
        payload: Bytes::from(format!("你好 👋 {seq}")),
    })
}

/// One change of each kind, in batches.
fn batches() -> Vec<Vec<Change>> {
    let device = DeviceId::from_bytes([9; 16]);
    let upload = |id| Upload { id, topic: "t".into(), payload: Bytes::from_static(b"up") };
    let failed = Some(Failed { silence: 124_000, at: UnixMillis(7), times: 2 });
    let learned = Learned { proven: 119_000, failed, paid_until: UnixMillis(8) };
    let lesson = |network_hash, transport, learned| Change::Learned(Lesson { network_hash, transport, learned });
    let winner = Winner { network_hash: 4, transport: Transport::Tcp, until: UnixMillis(9) };
    vec![
        vec![Change::Began { device, cursor: Cursor { epoch: 3, seq: 0, feed: 0 } }],
        vec![Change::Connection(1), Change::Won(winner)],
        vec![arrived(1, message(1)), arrived(2, message(2))],
        vec![Change::Finished(1), Change::Uploading(upload(70)), Change::Uploading(upload(71))],
        vec![arrived(5, Event::Skipped { first: 3, last: 5, reason: Some(SkipReason::Overflow) })],
        vec![Change::Arrived { cursor: Cursor { epoch: 3, seq: 6, feed: 12 }, item: None }],
        vec![arrived(8, Event::Hole { first: 7, last: 8 }), Change::Uploaded(70)],
        vec![arrived(9, Event::Recalled { message: MessageId::from_bytes([8; 16]), recall: None })],
        vec![arrived(10, recalled(3, 7))],
        vec![arrived(10, Event::Reset { cursor: Cursor { epoch: 4, seq: 10, feed: 20 } })],
        vec![Change::Seen(MessageId::from_bytes([6; 16])), Change::Numbers { item: 90, upload: 95 }],
        vec![lesson(4, Transport::Quic, learned), lesson(0, Transport::Tcp, Learned { failed: None, ..learned })],
    ]
}

fn recalled(message: u8, recall: u8) -> Event {
    let id = |n| MessageId::from_bytes([n; 16]);
    Event::Recalled { message: id(message), recall: Some(id(recall)) }
}

/// A file of the first version: what it says must be read for ever.
const FIRST_VERSION: &str = "\
    686f6d696e67310a000000166e39379f72e0df540a140a100909090909090909090909090909090910030000000227c2\
    4fcb8474773e10010000000861d697dc53bd49ca3a06080410011809000000352458a59dd9c962aa1a33080310011801\
    222b0a100000000000000001000000000000000010011805200628023801420de4bda0e5a5bd20f09f918b2031000000\
    3c721b0b1535fa604f1a3a08031002180222320a10000000000000000200000000000000001002180520062802320573\
    636f72653801420de4bda0e5a5bd20f09f918b203200000002e9619023f7ad050720010000000b8dc4249bd5071e422a\
    0908461201741a0275700000000b0b5beb6f3a0bb3182a0908471201741a027570000000108c4ae7b1447232471a0e08\
    0310051805320608031005180300000006215a4213b00484381a04080310060000000ec8c9806287ed0cc61a0c080310\
    0818083a040807100800000002ef8ca2176c7f833a30460000001abde1beb99ecb4f731a180803100918092a10080808\
    080808080808080808080808080000000ee232af913c09188e1a0c0803100a180a42040804100a000000125171a48fe7\
    f6806f421006060606060606060606060606060606000000064119299d7d0a448d4a04085a105f\
";

fn commit(log: &mut Log, changes: Vec<Change>) {
    log.commit(changes, Durability::Synced).unwrap();
}

fn state_at(path: &Path) -> State {
    read_log(path).unwrap().1
}

#[test]
fn a_log_cut_at_any_byte_is_a_first_part_of_what_was_written() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut log = Log::open(&path).unwrap();
    // Every state that was passed through, with the length of the log from which on it holds.
    let mut states = vec![(log.length, State::default())];
    let mut bytes = MAGIC.to_vec();
    let mut state = State::default();
    for changes in batches() {
        for change in changes.clone() {
            record::write(&change, &mut bytes);
            state.apply(change);
            states.push((bytes.len() as u64, state.clone()));
        }
        commit(&mut log, changes);
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(log.state, state);
    let cut_path = directory.path().join("cut");
    for cut in 0..=bytes.len() {
        std::fs::write(&cut_path, &bytes[..cut]).unwrap();
        let wanted = states.iter().rev().find(|(length, _)| *length <= cut as u64).map_or(&states[0].1, |(_, s)| s);
        let mut log = Log::open(&cut_path).unwrap();
        assert_eq!(&log.state, wanted, "cut at {cut}");
        // It goes on from there.
        commit(&mut log, vec![Change::Connection(77)]);
        drop(log);
        let mut wanted = wanted.clone();
        wanted.apply(Change::Connection(77));
        assert_eq!(state_at(&cut_path), wanted, "cut at {cut}, then written");
    }
}

#[test]
fn a_spoiled_byte_is_never_believed() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut log = Log::open(&path).unwrap();
    let mut states = vec![State::default()];
    for change in batches().into_iter().flatten() {
        let mut state = states.last().unwrap().clone();
        state.apply(change.clone());
        states.push(state);
        commit(&mut log, vec![change]);
    }
    let bytes = std::fs::read(&path).unwrap();
    for at in MAGIC.len()..bytes.len() {
        let mut spoiled = bytes.clone();
        spoiled[at] ^= 0x10;
        std::fs::write(&path, &spoiled).unwrap();
        assert!(states.contains(&state_at(&path)), "byte {at}");
    }
}

#[test]
fn it_is_written_anew_when_most_of_it_is_history() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut log = Log::open(&path).unwrap();
    for changes in batches() {
        commit(&mut log, changes);
    }
    let mut longest = 0;
    let mut rewritten = 0;
    for seq in 100..6_000 {
        let before = log.length;
        log.commit(vec![arrived(seq, message(seq)), Change::Finished(seq - 2)], Durability::Written).unwrap();
        longest = longest.max(log.length);
        rewritten += u32::from(log.length < before);
    }
    assert!(rewritten >= 2, "{rewritten}");
    assert!(longest < REWRITE_MIN_BYTES + 1_024, "{longest}");
    assert_eq!(log.state.seen.iter().count(), 256);
    assert_eq!(state_at(&path), log.state);
    // What a kill before the renaming leaves behind is of no account.
    std::fs::write(with_suffix(&path, "new"), b"half").unwrap();
    let state = log.state.clone();
    drop(log);
    assert_eq!(Log::open(&path).unwrap().state, state);
}

#[test]
fn one_process_has_it_and_other_files_are_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let first = Log::open(&path).unwrap();
    assert!(matches!(Log::open(&path), Err(StateError::InUse { .. })));
    drop(first);
    Log::open(&path).unwrap();
    std::fs::write(&path, b"a diary").unwrap();
    assert!(matches!(Log::open(&path), Err(StateError::Foreign { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"a diary");
}

#[test]
fn after_a_failed_write_it_is_read_anew() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut log = Log::open(&path).unwrap();
    commit(&mut log, vec![Change::Connection(5)]);
    let whole = std::mem::replace(&mut log.file, File::open(&path).unwrap());
    assert!(log.commit(vec![Change::Connection(6)], Durability::Synced).is_err(), "opened for reading only");
    log.file = whole;
    assert!(log.commit(vec![Change::Connection(7)], Durability::Synced).is_err(), "not before it is read anew");
    log.reopen().unwrap();
    assert_eq!(log.state.conn_seq, 5);
    commit(&mut log, vec![Change::Connection(8)]);
    assert_eq!(state_at(&path).conn_seq, 8);
}

/// As it was written before devices learned anything: a Began, a connection number and a winner.
#[test]
fn an_older_file_is_read_and_gone_on_with() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    std::fs::write(&path, include_bytes!("fixtures/before-learning.state")).unwrap();
    let mut log = Log::open(&path).unwrap();
    assert_eq!((log.state.conn_seq, log.state.winners.len(), log.state.unfinished.len()), (4, 1, 1));
    assert_eq!(log.state.networks, Networks::default());
    let learned = Learned { proven: 60_000, ..Learned::default() };
    commit(&mut log, vec![Change::Learned(Lesson { network_hash: 4, transport: Transport::Quic, learned })]);
    drop(log);
    assert_eq!(state_at(&path).networks.learned(4, Transport::Quic), learned);
}

#[test]
fn a_file_of_the_first_version_opens_and_goes_on() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let byte = |at| u8::from_str_radix(FIRST_VERSION.get(at..at + 2).unwrap(), 16).unwrap();
    std::fs::write(&path, (0..FIRST_VERSION.len()).step_by(2).map(byte).collect::<Vec<_>>()).unwrap();
    let mut log = Log::open(&path).unwrap();
    assert_eq!(log.state.device, Some(DeviceId::from_bytes([9; 16])));
    assert_eq!((log.state.cursor, log.state.conn_seq), (Cursor { epoch: 3, seq: 10, feed: 0 }, 1));
    let unfinished: Vec<_> = log.state.unfinished.iter().map(|item| item.number).collect();
    assert_eq!(unfinished, [2, 5, 8, 9, 10], "nothing was cut off");
    let old = Event::Recalled { message: MessageId::from_bytes([8; 16]), recall: None };
    assert_eq!(log.state.unfinished[3].event, old);
    assert_eq!((log.state.last_item, log.state.last_upload, log.state.uploads.len()), (90, 95, 1));
    commit(&mut log, vec![arrived(11, recalled(3, 7))]);
    drop(log);
    let state = state_at(&path);
    assert_eq!(state.unfinished.back().unwrap().event, recalled(3, 7));
}

#[test]
fn what_was_taken_back_is_remembered_as_seen_over_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut log = Log::open(&path).unwrap();
    commit(&mut log, vec![arrived(1, recalled(3, 7)), Change::Finished(1)]);
    drop(log);
    let saved = state_at(&path).saved();
    let is_seen = [3, 7, 8].map(|n| saved.seen.contains(MessageId::from_bytes([n; 16])));
    assert_eq!((is_seen, saved.cursor.seq), ([true, true, false], 1));
}

/// How an arrival with an offset stands in the file.
const WITH_OFFSET: &str = "1a06080310045007";

#[test]
fn the_offset_in_the_feed_is_kept_and_never_goes_back() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut log = Log::open(&path).unwrap();
    let device = DeviceId::from_bytes([9; 16]);
    commit(&mut log, vec![Change::Began { device, cursor: Cursor { epoch: 3, seq: 0, feed: 5 } }]);
    let moved = |seq, feed| Change::Arrived { cursor: Cursor { epoch: 3, seq, feed }, item: None };
    commit(&mut log, vec![moved(4, 7)]);
    let mut record = Vec::new();
    record::write(&moved(4, 7), &mut record);
    let body: String = record[record::HEADER_BYTES..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(body, WITH_OFFSET);
    // As a version writes it that knows of no feed.
    commit(&mut log, vec![moved(6, 0)]);
    assert_eq!(log.state.cursor, Cursor { epoch: 3, seq: 6, feed: 7 });
    log.rewrite().unwrap();
    drop(log);
    assert_eq!(state_at(&path).saved().cursor, Cursor { epoch: 3, seq: 6, feed: 7 });
    let mut log = Log::open(&path).unwrap();
    commit(&mut log, vec![Change::Began { device, cursor: Cursor { epoch: 4, seq: 0, feed: 0 } }]);
    assert_eq!(log.state.cursor.feed, 0, "a registration of its own begins anew");
}
