//! Messages as items.
//!
//! | attribute | of the row | bytes |
//! |---|---|---|
//! | `a` | app | 1–32 |
//! | `bh` | SHA-256 of the request's body | 32 |
//! | `aa` `ex` `ra` | accepted at, expires at, release at | 8 each |
//! | `tt` `pr` `ck` | time to live in seconds, priority, collapse key | 4, 2, up to 64 |
//! | `st` `ri` `re` | stage, releasing at, released at | 2, 8, 8 |
//! | `dn` | set of the segments that are enumerated | up to 3 per segment |
//! | `ev` | there if the audience is everyone: 64 segments instead of one | 1 |
//! | `ap` `as` | key of the index `by_app` | 2–34, 24 |
//! | `dp` `ds` | key of the index `due`; missing when nobody need look again | 1, 24 |
//! | `cl` | what `ds` becomes once the message is releasing | 24 |
//! | `bo` | there if payload and audience stand in an item of their own | 1 |
//! | `y`, `d` or `u` | payload, devices (16 bytes each) or users (one a line), in the row or in that item | |
//! | `ttl` | when DynamoDB may delete it | 6 |
//!
//! Every change of a message bills its whole row, so what is large and never changes stands outside of it: the row is at
//! most 1 KiB.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use homing_domain::limits::{CLOSE_AFTER_EXPIRY, FANOUT_SEGMENTS, HISTORY_KEPT_FOR};
use homing_domain::{Audience, DeviceId, Message, MessageId, Millis, Options, UnixMillis, UserId};

use super::index::{app_partition, app_sort, due_partition, due_sort};
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, Value, expiry, sorted_key};
use crate::schema::{MESSAGES_BY_APP, MESSAGES_DUE, TTL};

/// Payload and audience up to this size stand in the row. With the largest of everything else beside them the row is
/// below 1 KiB, so that a change is one write unit.
pub(super) const INLINE_MAX_BYTES: usize = 512;
/// A row outlives the close of its message by this much at least, for a close that comes late: days of outage.
const KEPT_AFTER_CLOSE: Millis = 7 * 24 * 3_600_000;
/// What a row refers to outlives it by this much: DynamoDB deletes what is over within days, in any order.
const BODY_OUTLIVES_ROW: Millis = 7 * 24 * 3_600_000;

/// Key of a message's row.
pub(super) fn key(id: &MessageId) -> Item {
    sorted_key(*id.as_bytes(), *b"m")
}

/// Key of the item with payload and audience.
pub(super) fn body_key(id: &MessageId, body_sha256: &[u8; 32]) -> Item {
    sorted_key(*id.as_bytes(), [b"a", &body_sha256[..]].concat())
}

/// A new message as items: the row, and the body if it stands outside.
pub(super) fn write(message: &Message, now: UnixMillis) -> (Item, Option<Item>) {
    let kept_until = kept_until(message, now);
    let row = ItemWriter::of(key(&message.id))
        .with("a", message.app.clone())
        .with("bh", message.body_sha256)
        .with("aa", message.accepted_at)
        .with("ex", message.expires_at)
        .with_some("ra", message.release_at)
        .with("tt", message.options.ttl_seconds)
        .with("pr", message.options.priority)
        .with_some("ck", message.options.collapse_key.clone())
        .with("st", message.stage)
        .with_some("ri", message.releasing_at)
        .with_some("re", message.released_at)
        .with_some("dn", (message.segments_done != 0).then_some(Segments(message.segments_done)))
        .with_some("ev", (message.audience == Audience::All).then_some(true))
        .with(MESSAGES_BY_APP.partition, app_partition(&message.app, &message.id))
        .with(MESSAGES_BY_APP.sort, app_sort(message.accepted_at, &message.id))
        .with_some(MESSAGES_DUE.partition, message.due_at().map(|_| due_partition(&message.id)))
        .with_some(MESSAGES_DUE.sort, message.due_at().map(|at| due_sort(at, &message.id)))
        .with("cl", due_sort(message.expires_at.plus(CLOSE_AFTER_EXPIRY), &message.id))
        .with(TTL, expiry(kept_until));
    let audience = audience_value(&message.audience);
    if message.payload.len() + audience.as_ref().map_or(0, |(_, value)| bytes_of(value)) <= INLINE_MAX_BYTES {
        return (with_body(row, message, audience), None);
    }
    let body = with_body(ItemWriter::of(body_key(&message.id, &message.body_sha256)), message, audience)
        .into_iter()
        .chain([(TTL.to_owned(), expiry(kept_until.plus(BODY_OUTLIVES_ROW)).into_value())])
        .collect();
    (row.with("bo", true).finish(), Some(body))
}

/// The history that the statistics promise, and past the close in any case.
fn kept_until(message: &Message, now: UnixMillis) -> UnixMillis {
    let last_start = now.max(message.accepted_at).max(message.release_at.unwrap_or_default());
    last_start.plus(HISTORY_KEPT_FOR).max(message.expires_at.plus(CLOSE_AFTER_EXPIRY + KEPT_AFTER_CLOSE))
}

fn with_body(item: ItemWriter, message: &Message, audience: Option<(&'static str, AttributeValue)>) -> Item {
    let mut item = item.with("y", message.payload.clone()).finish();
    item.extend(audience.map(|(name, value)| (name.to_owned(), value)));
    item
}

fn audience_value(audience: &Audience) -> Option<(&'static str, AttributeValue)> {
    match audience {
        Audience::Devices(ids) => {
            let ids: Bytes = ids.iter().flat_map(|id| *id.as_bytes()).collect();
            Some(("d", ids.into_value()))
        }
        Audience::Users(ids) => {
            let mut lines = String::new();
            for id in ids {
                lines.push_str(id.as_str());
                lines.push('\n');
            }
            Some(("u", lines.into_value()))
        }
        Audience::All => None,
    }
}

fn bytes_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::S(text) => text.len(),
        _ => 0,
    }
}

/// Key of the item that a row's payload and audience stand in; `None` = they stand in the row.
pub(super) fn body_key_in(row: &Item) -> Result<Option<Item>, Damaged> {
    let mut row = ItemReader::new(Table::Messages, row.clone());
    match row.take_some::<bool>("bo")? {
        Some(_) => Ok(Some(body_key(&row.take("pk")?, &row.take("bh")?))),
        None => Ok(None),
    }
}

/// Reads a row, with payload and audience from `body` where they stand outside.
pub(super) fn read(row: Item, body: Option<Item>) -> Result<Message, Damaged> {
    let mut row = ItemReader::new(Table::Messages, row);
    let is_everyone = row.take_some::<bool>("ev")?.is_some();
    let (payload, audience) = match body {
        Some(body) => read_body(&mut ItemReader::new(Table::Messages, body), is_everyone)?,
        None => read_body(&mut row, is_everyone)?,
    };
    Ok(Message {
        id: row.take("pk")?,
        app: row.take("a")?,
        audience,
        payload,
        options: Options {
            ttl_seconds: row.take("tt")?,
            priority: row.take("pr")?,
            collapse_key: row.take_some("ck")?,
        },
        body_sha256: row.take("bh")?,
        accepted_at: row.take("aa")?,
        release_at: row.take_some("ra")?,
        expires_at: row.take("ex")?,
        stage: row.take("st")?,
        releasing_at: row.take_some("ri")?,
        released_at: row.take_some("re")?,
        segments_done: row.take_some("dn")?.map_or(0, |Segments(mask)| mask),
    })
}

fn read_body(item: &mut ItemReader, is_everyone: bool) -> Result<(Bytes, Audience), Damaged> {
    let payload = item.take("y")?;
    if is_everyone {
        return Ok((payload, Audience::All));
    }
    if let Some(ids) = item.take_some::<Bytes>("d")? {
        let ids: Option<_> = ids.chunks(16).map(DeviceId::from_slice).collect();
        return Ok((payload, Audience::Devices(ids.ok_or_else(|| item.damaged("d"))?)));
    }
    let lines: String = item.take("u")?;
    let ids: Result<_, _> = lines.lines().map(str::parse::<UserId>).collect();
    Ok((payload, Audience::Users(ids.map_err(|_| item.damaged("u"))?)))
}

/// Segments as a set of numbers: `ADD` puts one in without a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segments(pub(super) u64);

impl Segments {
    /// One segment.
    pub(super) const fn one(segment: u8) -> Self {
        Self(1 << segment)
    }
}

impl Value for Segments {
    fn into_value(self) -> AttributeValue {
        let members = (0..FANOUT_SEGMENTS).filter(|segment| self.0 & (1 << segment) != 0);
        AttributeValue::Ns(members.map(|segment| segment.to_string()).collect())
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        let AttributeValue::Ns(members) = value else { return None };
        let members: Option<BTreeSet<u8>> =
            members.iter().map(|member| member.parse().ok().filter(|segment| *segment < FANOUT_SEGMENTS)).collect();
        Some(Self(members?.into_iter().fold(0, |mask, segment| mask | 1 << segment)))
    }
}
