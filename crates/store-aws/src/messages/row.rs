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
//! | `ev` | there if the audience has 64 segments instead of one | 1 |
//! | `rp` `to` `qh` `sy` `si` | rate per second, topic, quiet hours unless hold, there if reading is synchronised, there if silent |
//! | `rc` `sr` | the message that it recalls, the series that it is of |
//! | `sa` or `sl` or `cr` `tz` `un` `rm` | schedule: at; at local; cron, time zone, until, remaining |
//! | `fl` `pa` `pf` `ho` | flow unless running, paused at, paused for, holds |
//! | `ap` `as` | key of the index `by_app` | 2–34, 24 |
//! | `dp` `ds` | key of the index `due`; missing when nobody need look again | 1, 24 |
//! | `cl` | what `ds` becomes once the message is releasing | 24 |
//! | `bo` | there if payload and audience stand in an item of their own | 1 |
//! | `y` | payload, in the row or in that item | |
//! | `d` or `u` or `ae` or `al` or `ao` | devices (16 bytes each) or users (one a line) or expression or uploaded list or recipients of a message; none of them = everyone | |
//! | `xd` `xu` `xe` `xl` | who is excluded, likewise | |
//! | `lz` `ov` | localizations (language, payload, …) and overrides (a byte for the channel and the fields, …) | |
//! | `ttl` | when DynamoDB may delete it | 6 |
//!
//! Every change of a message bills its whole row, so what is large and never changes stands outside of it: the row is at
//! most 1 KiB.

mod body;
mod control;
mod options;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use homing_domain::limits::{CLOSE_AFTER_EXPIRY, FANOUT_SEGMENTS, HISTORY_KEPT_FOR};
use homing_domain::{Message, MessageId, Millis, UnixMillis};

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
        .with("st", message.stage)
        .with_some("ri", message.releasing_at)
        .with_some("re", message.released_at)
        .with_some("dn", (message.segments_done != 0).then_some(Segments(message.segments_done)))
        .with_some("ev", (message.audience.segments() > 1).then_some(true))
        .with_some("rc", message.recalls)
        .with_some("sr", message.series)
        .with(MESSAGES_BY_APP.partition, app_partition(&message.app, &message.id))
        .with(MESSAGES_BY_APP.sort, app_sort(message.accepted_at, &message.id))
        .with_some(MESSAGES_DUE.partition, message.due_at().map(|_| due_partition(&message.id)))
        .with_some(MESSAGES_DUE.sort, message.due_at().map(|at| due_sort(at, &message.id)))
        .with("cl", due_sort(message.expires_at.plus(CLOSE_AFTER_EXPIRY), &message.id))
        .with(TTL, expiry(kept_until));
    let row = control::write(options::write(row, &message.options), message);
    let body = body::write(message);
    if body::size(&body) <= INLINE_MAX_BYTES {
        let mut row = row.finish();
        row.extend(body);
        return (row, None);
    }
    let outside = ItemWriter::of(body_key(&message.id, &message.body_sha256))
        .with(TTL, expiry(kept_until.plus(BODY_OUTLIVES_ROW)))
        .finish();
    (row.with("bo", true).finish(), Some(outside.into_iter().chain(body).collect()))
}

/// The history that the statistics promise, and past the close in any case.
fn kept_until(message: &Message, now: UnixMillis) -> UnixMillis {
    let last_start = now.max(message.accepted_at).max(message.release_at.unwrap_or_default());
    last_start.plus(HISTORY_KEPT_FOR).max(message.expires_at.plus(CLOSE_AFTER_EXPIRY + KEPT_AFTER_CLOSE))
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
        holds: row.take_some("ho")?.unwrap_or_default(),
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
