//! How a change stands in the file: `length (4 bytes) | checksum (8 bytes) | protobuf`. Field numbers are append-only.

use bytes::{Buf, BufMut, Bytes};
use homing_credentials::sha256;
use homing_domain::{DeviceId, MessageId, Priority, UnixMillis};
use homing_link::Transport;
use homing_link::client::{Cursor, Failed, Learned, Lesson, Message, Upload};
use homing_wire::{PayloadEncoding, SkipReason};
use prost::Message as _;

use super::{Change, Event, Item, Winner};

/// Length and checksum.
pub(super) const HEADER_BYTES: usize = 12;
/// Longest record: the largest message with room to grow; a longer one is no record.
const RECORD_MAX_BYTES: usize = 64 * 1_024;
const CHECKSUM_BYTES: usize = 8;

#[derive(Clone, PartialEq, prost::Message)]
struct Record {
    #[prost(oneof = "Body", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10")]
    body: Option<Body>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Body {
    #[prost(message, tag = "1")]
    Began(Began),
    #[prost(uint64, tag = "2")]
    Connection(u64),
    #[prost(message, tag = "3")]
    Arrived(Arrived),
    #[prost(uint64, tag = "4")]
    Finished(u64),
    #[prost(message, tag = "5")]
    Uploading(Uploading),
    #[prost(uint64, tag = "6")]
    Uploaded(u64),
    #[prost(message, tag = "7")]
    Won(Won),
    #[prost(bytes = "bytes", tag = "8")]
    Seen(Bytes),
    #[prost(message, tag = "9")]
    Numbers(Numbers),
    #[prost(message, tag = "10")]
    Learned(Learnt),
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Numbers {
    #[prost(uint64, tag = "1")]
    item: u64,
    #[prost(uint64, tag = "2")]
    upload: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Began {
    #[prost(bytes = "bytes", tag = "1")]
    device: Bytes,
    #[prost(uint64, tag = "2")]
    epoch: u64,
    #[prost(uint64, tag = "3")]
    seq: u64,
    #[prost(uint64, tag = "4")]
    feed: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Arrived {
    #[prost(uint64, tag = "1")]
    epoch: u64,
    #[prost(uint64, tag = "2")]
    seq: u64,
    #[prost(uint64, tag = "3")]
    number: u64,
    #[prost(oneof = "Happened", tags = "4, 5, 6, 7, 8, 9")]
    event: Option<Happened>,
    #[prost(uint64, tag = "10")]
    feed: u64,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Happened {
    #[prost(message, tag = "4")]
    Message(Pushed),
    /// A recall without an id of its own.
    #[prost(bytes = "bytes", tag = "5")]
    Recalled(Bytes),
    #[prost(message, tag = "6")]
    Skipped(Span),
    #[prost(message, tag = "7")]
    Hole(Span),
    #[prost(message, tag = "8")]
    Reset(Place),
    #[prost(message, tag = "9")]
    TakenBack(TakenBack),
}

#[derive(Clone, PartialEq, prost::Message)]
struct TakenBack {
    #[prost(bytes = "bytes", tag = "1")]
    message: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    recall: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pushed {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(uint64, tag = "2")]
    seq: u64,
    #[prost(uint64, tag = "3")]
    accepted_ms: u64,
    #[prost(uint64, tag = "4")]
    expires_ms: u64,
    /// 0 normal, 1 low, 2 high.
    #[prost(uint32, tag = "5")]
    priority: u32,
    #[prost(string, optional, tag = "6")]
    collapse_key: Option<String>,
    #[prost(int32, tag = "7")]
    encoding: i32,
    #[prost(bytes = "bytes", tag = "8")]
    payload: Bytes,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Place {
    #[prost(uint64, tag = "1")]
    epoch: u64,
    #[prost(uint64, tag = "2")]
    seq: u64,
    #[prost(uint64, tag = "3")]
    feed: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Span {
    #[prost(uint64, tag = "1")]
    first: u64,
    #[prost(uint64, tag = "2")]
    last: u64,
    #[prost(int32, optional, tag = "3")]
    reason: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Uploading {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    topic: String,
    #[prost(bytes = "bytes", tag = "3")]
    payload: Bytes,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Won {
    #[prost(uint64, tag = "1")]
    network_hash: u64,
    #[prost(bool, tag = "2")]
    is_tcp: bool,
    #[prost(uint64, tag = "3")]
    until_ms: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Learnt {
    #[prost(uint64, tag = "1")]
    network_hash: u64,
    #[prost(bool, tag = "2")]
    is_tcp: bool,
    #[prost(uint64, tag = "3")]
    proven_ms: u64,
    /// 0 = none failed.
    #[prost(uint64, tag = "4")]
    failed_ms: u64,
    #[prost(uint64, tag = "5")]
    failed_at_ms: u64,
    #[prost(uint32, tag = "6")]
    failed_times: u32,
    #[prost(uint64, tag = "7")]
    paid_until_ms: u64,
}

/// Appends a change's record.
pub(super) fn write(change: &Change, buffer: &mut Vec<u8>) {
    let body = to_record(change).encode_to_vec();
    // A record is far below 4 GiB: its parts have limits in kilobytes.
    buffer.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
    buffer.put_slice(&sha256(&body)[..CHECKSUM_BYTES]);
    buffer.put_slice(&body);
}

/// Takes the first record off; `None` = there is no whole and sound one.
pub(super) fn read(bytes: &mut &[u8]) -> Option<Change> {
    let mut header = bytes.get(..HEADER_BYTES)?;
    let length = header.get_u32() as usize;
    if length > RECORD_MAX_BYTES {
        return None;
    }
    let body = bytes.get(HEADER_BYTES..HEADER_BYTES + length)?;
    if sha256(body)[..CHECKSUM_BYTES] != *header {
        return None;
    }
    let change = from_record(Record::decode(body).ok()?)?;
    *bytes = bytes.get(HEADER_BYTES + length..)?;
    Some(change)
}

fn to_record(change: &Change) -> Record {
    let body = match change {
        Change::Began { device, cursor } => Body::Began(Began {
            device: Bytes::copy_from_slice(device.as_bytes()),
            epoch: cursor.epoch,
            seq: cursor.seq,
            feed: cursor.feed,
        }),
        Change::Connection(number) => Body::Connection(*number),
        Change::Arrived { cursor, item } => Body::Arrived(Arrived {
            epoch: cursor.epoch,
            seq: cursor.seq,
            number: item.as_ref().map_or(0, |item| item.number),
            event: item.as_ref().map(|item| to_happened(&item.event)),
            feed: cursor.feed,
        }),
        Change::Finished(number) => Body::Finished(*number),
        Change::Uploading(Upload { id, topic, payload }) => {
            Body::Uploading(Uploading { id: *id, topic: topic.clone(), payload: payload.clone() })
        }
        Change::Uploaded(id) => Body::Uploaded(*id),
        Change::Won(winner) => Body::Won(Won {
            network_hash: winner.network_hash,
            is_tcp: winner.transport == Transport::Tcp,
            until_ms: winner.until.0,
        }),
        Change::Learned(lesson) => Body::Learned(to_learnt(lesson)),
        Change::Seen(id) => Body::Seen(id_bytes(id)),
        Change::Numbers { item, upload } => Body::Numbers(Numbers { item: *item, upload: *upload }),
    };
    Record { body: Some(body) }
}

fn from_record(record: Record) -> Option<Change> {
    Some(match record.body? {
        Body::Began(began) => Change::Began {
            device: DeviceId::from_slice(&began.device)?,
            cursor: Cursor { epoch: began.epoch, seq: began.seq, feed: began.feed },
        },
        Body::Connection(number) => Change::Connection(number),
        Body::Arrived(arrived) => {
            let cursor = Cursor { epoch: arrived.epoch, seq: arrived.seq, feed: arrived.feed };
            let item = match arrived.event {
                Some(event) => Some(Item { number: arrived.number, event: from_happened(event)? }),
                None => None,
            };
            Change::Arrived { cursor, item }
        }
        Body::Finished(number) => Change::Finished(number),
        Body::Uploading(Uploading { id, topic, payload }) => Change::Uploading(Upload { id, topic, payload }),
        Body::Uploaded(id) => Change::Uploaded(id),
        Body::Won(won) => Change::Won(Winner {
            network_hash: won.network_hash,
            transport: transport(won.is_tcp),
            until: UnixMillis(won.until_ms),
        }),
        Body::Learned(learnt) => Change::Learned(from_learnt(&learnt)),
        Body::Seen(id) => Change::Seen(MessageId::from_slice(&id)?),
        Body::Numbers(Numbers { item, upload }) => Change::Numbers { item, upload },
    })
}

fn to_learnt(lesson: &Lesson) -> Learnt {
    let Lesson { network_hash, transport, learned } = *lesson;
    let failed = learned.failed.unwrap_or(Failed { silence: 0, at: UnixMillis(0), times: 0 });
    Learnt {
        network_hash,
        is_tcp: transport == Transport::Tcp,
        proven_ms: learned.proven,
        failed_ms: failed.silence,
        failed_at_ms: failed.at.0,
        failed_times: failed.times,
        paid_until_ms: learned.paid_until.0,
    }
}

fn from_learnt(learnt: &Learnt) -> Lesson {
    let failed = Failed { silence: learnt.failed_ms, at: UnixMillis(learnt.failed_at_ms), times: learnt.failed_times };
    let learned = Learned {
        proven: learnt.proven_ms,
        failed: (failed.silence > 0).then_some(failed),
        paid_until: UnixMillis(learnt.paid_until_ms),
    };
    Lesson { network_hash: learnt.network_hash, transport: transport(learnt.is_tcp), learned }
}

const fn transport(is_tcp: bool) -> Transport {
    if is_tcp { Transport::Tcp } else { Transport::Quic }
}

fn to_happened(event: &Event) -> Happened {
    match event {
        Event::Message(message) => Happened::Message(Pushed {
            id: id_bytes(&message.id),
            seq: message.seq,
            accepted_ms: message.accepted_at.0,
            expires_ms: message.expires_at.0,
            priority: match message.priority {
                Priority::Normal => 0,
                Priority::Low => 1,
                Priority::High => 2,
            },
            collapse_key: message.collapse_key.clone(),
            encoding: message.encoding as i32,
            payload: message.payload.clone(),
        }),
        Event::Recalled { message, recall: None } => Happened::Recalled(id_bytes(message)),
        Event::Recalled { message, recall: Some(recall) } => {
            Happened::TakenBack(TakenBack { message: id_bytes(message), recall: id_bytes(recall) })
        }
        Event::Skipped { first, last, reason } => {
            Happened::Skipped(Span { first: *first, last: *last, reason: reason.map(|reason| reason as i32) })
        }
        Event::Hole { first, last } => Happened::Hole(Span { first: *first, last: *last, reason: None }),
        Event::Reset { cursor: Cursor { epoch, seq, feed } } => {
            Happened::Reset(Place { epoch: *epoch, seq: *seq, feed: *feed })
        }
    }
}

fn from_happened(event: Happened) -> Option<Event> {
    Some(match event {
        Happened::Message(pushed) => Event::Message(Message {
            id: MessageId::from_slice(&pushed.id)?,
            seq: pushed.seq,
            accepted_at: UnixMillis(pushed.accepted_ms),
            expires_at: UnixMillis(pushed.expires_ms),
            priority: match pushed.priority {
                1 => Priority::Low,
                2 => Priority::High,
                _ => Priority::Normal,
            },
            collapse_key: pushed.collapse_key,
            encoding: PayloadEncoding::try_from(pushed.encoding).ok()?,
            payload: pushed.payload,
        }),
        Happened::Recalled(id) => Event::Recalled { message: MessageId::from_slice(&id)?, recall: None },
        Happened::TakenBack(TakenBack { message, recall }) => {
            Event::Recalled { message: MessageId::from_slice(&message)?, recall: Some(MessageId::from_slice(&recall)?) }
        }
        Happened::Skipped(Span { first, last, reason }) => {
            Event::Skipped { first, last, reason: reason.and_then(|reason| SkipReason::try_from(reason).ok()) }
        }
        Happened::Hole(Span { first, last, .. }) => Event::Hole { first, last },
        Happened::Reset(Place { epoch, seq, feed }) => Event::Reset { cursor: Cursor { epoch, seq, feed } },
    })
}

fn id_bytes(id: &MessageId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}
