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
//! | `ev` | there if it is enumerated in 64 segments instead of one | 1 |
//! | `fa` | the offset in the feed of its app that its entry stands after | 3 |
//! | `rp` `to` `qh` `sy` `si` | rate per second, topic, quiet hours unless hold, there if reading is synchronised, there if silent |
//! | `po` `fb` | delivery policy unless the default, after which time a vendor is asked | 2, 4 |
//! | `rc` `sr` | the message that it recalls, the series that it is of |
//! | `sa` or `sl` or `cr` `tz` `un` `rm` or `sn` | schedule: at; at local; cron, time zone, until, remaining; there if at once although `ra` says when that is |
//! | `fl` `pa` `pf` `ho` | flow unless running, paused at, paused for, holds | 2, 8, 8, up to 0.8 KiB |
//! | `v` | version: raised by each write |
//! | `ap` `as` | key of the index `by_app` | 2–34, 24 |
//! | `dp` `ds` | key of the index `due`; missing when nobody need look again | 1, 24 |
//! | `cl` | what `ds` becomes once the message is releasing | 24 |
//! | `bo` | there if payload and audience stand in an item of their own | 1 |
//! | `bk` | the name of that item, if it is not `bh` | 16 |
//! | `y` | payload, in the row or in that item | |
//! | `d` or `u` or `ae` or `al` or `ao` | devices (16 bytes each) or users (one a line) or expression or uploaded list or recipients of a message; none of them = everyone | |
//! | `xd` `xu` `xe` `xl` | who is excluded, likewise | |
//! | `lz` `ov` | localizations (language, payload, …) and overrides (a byte for the channel and the fields, …) | |
//! | `ttl` | when DynamoDB may delete it | 6 |
//!
//! Every change of a message bills its whole row, so what is large and seldom changes stands outside of it: the row is at
//! most 1 KiB, and at most 2 KiB while parts of the message are held or the last of its 64 segments are noted.
//!
//! An item outside is written before the row that names it and never again with another content: a change of the body
//! gets a name of its own, so whoever holds a row finds the body of that row.

mod body;
mod control;
mod options;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use homing_domain::limits::{CLOSE_AFTER_EXPIRY, FANOUT_SEGMENTS, HISTORY_KEPT_FOR};
use homing_domain::{Message, MessageId, Millis, UnixMillis};

use super::index::{app_partition, app_sort, due_partition, due_sort};
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Seconds, Table, VERSION, Value, binary, expiry, sorted_key};
use crate::schema::{MESSAGES_BY_APP, MESSAGES_DUE, PARTITION_KEY, TTL};

/// Payload and audience up to this size stand in the row, unless the rest of it is so large that a change would be two
/// write units.
pub(super) const INLINE_MAX_BYTES: usize = 512;
/// Most that a row with its body weighs when it is written: a write unit, less what its release adds to it.
const INLINE_MAX_ROW_BYTES: usize = 1_024 - 64;
/// A row outlives the close of its message by this much at least, for a close that comes late: days of outage.
const KEPT_AFTER_CLOSE: Millis = 7 * 24 * 3_600_000;
/// A row that is to be kept longer than before is kept so much longer still, so that a message that recurs each minute is
/// not a body written each minute.
const KEPT_IN_STOCK: Millis = 7 * 24 * 3_600_000;
/// What a row refers to outlives it by this much: DynamoDB deletes what is over within days, in any order.
const BODY_OUTLIVES_ROW: Millis = 7 * 24 * 3_600_000;

/// Key of a message's row.
pub(super) fn key(id: &MessageId) -> Item {
    sorted_key(*id.as_bytes(), *b"m")
}

/// Key of an item with payload and audience.
fn body_key(id: &MessageId, name: &[u8]) -> Item {
    sorted_key(*id.as_bytes(), [b"a", name].concat())
}

/// What a row holds beside its message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Custody {
    /// Raised by each write; rows of the first releases had none.
    pub(super) version: Option<u64>,
    /// When DynamoDB may delete it.
    kept_until: Seconds,
    /// The name of the item outside; none when payload and audience stand in the row.
    body: Option<Bytes>,
}

impl Custody {
    /// Of a row as it stands.
    pub(super) fn of(row: &Item) -> Result<Self, Damaged> {
        let mut row = ItemReader::new(Table::Messages, row.clone());
        let body = match row.take_some::<bool>("bo")? {
            Some(_) => Some(row.take_some("bk")?.map_or_else(|| row.take("bh"), Ok)?),
            None => None,
        };
        Ok(Self { version: row.take_some(VERSION)?, kept_until: row.take(TTL)?, body })
    }
}

/// A new message as items: the row, and the body if it stands outside.
pub(super) fn write(message: &Message, now: UnixMillis) -> (Item, Option<Item>) {
    let kept_until = expiry(kept_until(message, now));
    let (row, body) = (head(message, 1, kept_until), body::write(message));
    if is_inline(&row, &body) {
        return (row.into_iter().chain(body).collect(), None);
    }
    let outside = outside(&message.id, &message.body_sha256, body, kept_until);
    (ItemWriter::of(row).with("bo", true).finish(), Some(outside))
}

/// A changed message as items: its row, and the body if it stands outside and must be written. `name` is one that no other
/// body has.
pub(super) fn rewrite(before: &Message, stored: &Custody, after: &Message, name: [u8; 16]) -> (Item, Option<Item>) {
    let needed = kept_until(after, UnixMillis::default());
    let is_kept = expiry(needed).0 <= stored.kept_until.0;
    let kept_until = if is_kept { stored.kept_until } else { expiry(needed.plus(KEPT_IN_STOCK)) };
    let row = head(after, stored.version.unwrap_or(0).wrapping_add(1), kept_until);
    let body = body::write(after);
    if is_inline(&row, &body) {
        return (row.into_iter().chain(body).collect(), None);
    }
    let same = stored.body.as_ref().filter(|_| body == body::write(before));
    let name = same.map_or(&name[..], |same| same);
    let row = ItemWriter::of(row).with("bo", true);
    let row = row.with_some("bk", (*name != after.body_sha256).then(|| binary(name))).finish();
    let write = same.is_none() || !is_kept;
    (row, write.then(|| outside(&after.id, name, body, kept_until)))
}

/// The row without its body.
fn head(message: &Message, version: u64, kept_until: Seconds) -> Item {
    let row = ItemWriter::of(key(&message.id))
        .with("a", message.app.clone())
        .with("bh", message.body_sha256)
        .with("aa", message.accepted_at)
        .with("ex", message.expires_at)
        .with_some("ra", message.release_at)
        .with("st", message.stage)
        .with_some("ri", message.releasing_at)
        .with_some("re", message.released_at)
        .with_some("dn", (message.segments_done != 0).then_some(Segments(message.segments_done)))
        .with_some("ev", (message.segments() > 1).then_some(true))
        .with_some("fa", message.feed_after)
        .with_some("rc", message.recalls)
        .with_some("sr", message.series)
        .with(VERSION, version)
        .with(MESSAGES_BY_APP.partition, app_partition(&message.app, &message.id))
        .with(MESSAGES_BY_APP.sort, app_sort(message.accepted_at, &message.id))
        .with_some(MESSAGES_DUE.partition, message.due_at().map(|_| due_partition(&message.id)))
        .with_some(MESSAGES_DUE.sort, message.due_at().map(|at| due_sort(at, &message.id)))
        .with("cl", due_sort(message.due_once_releasing(), &message.id))
        .with(TTL, kept_until);
    control::write(options::write(row, &message.options), message).finish()
}

fn is_inline(row: &Item, body: &Item) -> bool {
    let size = body::size(body);
    size <= INLINE_MAX_BYTES && body::size(row) + size <= INLINE_MAX_ROW_BYTES
}

fn outside(id: &MessageId, name: &[u8], body: Item, row_kept_until: Seconds) -> Item {
    let kept_until = Seconds(row_kept_until.0 + BODY_OUTLIVES_ROW / 1_000);
    ItemWriter::of(body_key(id, name)).with(TTL, kept_until).finish().into_iter().chain(body).collect()
}

/// The history that the statistics promise, and past the close in any case.
fn kept_until(message: &Message, now: UnixMillis) -> UnixMillis {
    let last_start = now.max(message.accepted_at).max(message.release_at.unwrap_or_default());
    last_start.plus(HISTORY_KEPT_FOR).max(message.expires_at.plus(CLOSE_AFTER_EXPIRY + KEPT_AFTER_CLOSE))
}

/// Key of the item that a row's payload and audience stand in; `None` = they stand in the row.
pub(super) fn body_key_in(row: &Item) -> Result<Option<Item>, Damaged> {
    let body = Custody::of(row)?.body;
    let id: MessageId = ItemReader::new(Table::Messages, row.clone()).take(PARTITION_KEY)?;
    Ok(body.map(|name| body_key(&id, &name)))
}

/// Reads a row, with payload and audience from `body` where they stand outside.
pub(super) fn read(row: Item, body: Option<Item>) -> Result<Message, Damaged> {
    let mut row = ItemReader::new(Table::Messages, row);
    let body = match body {
        Some(body) => body::read(&mut ItemReader::new(Table::Messages, body))?,
        None => body::read(&mut row)?,
    };
    let release_at = row.take_some("ra")?;
    Ok(Message {
        id: row.take("pk")?,
        app: row.take("a")?,
        audience: body.audience,
        exclude: body.exclude,
        payload: body.payload,
        localizations: body.localizations,
        overrides: body.overrides,
        recalls: row.take_some("rc")?,
        options: options::read(&mut row)?,
        body_sha256: row.take("bh")?,
        accepted_at: row.take("aa")?,
        schedule: control::read_schedule(&mut row, release_at)?,
        release_at,
        series: row.take_some("sr")?,
        expires_at: row.take("ex")?,
        stage: row.take("st")?,
        releasing_at: row.take_some("ri")?,
        released_at: row.take_some("re")?,
        segments_done: row.take_some("dn")?.map_or(0, |Segments(mask)| mask),
        control: control::read(&mut row)?,
        holds: row.take_some("ho")?.map_or_else(Vec::new, |control::Moments(moments)| moments),
        feed_after: row.take_some("fa")?,
    })
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
