//! Pages of audiences as items.
//!
//! | attribute | of the page |
//! |---|---|
//! | `t` | targets: per target a byte of flags and its device, then what the flags name: 1 = the user's hash, 2 = variant, 4 = held until, 8 = refused for |
//! | `nx` | where the enumeration goes on: a byte 0 = start, 1 and an index, 2 and a device, 3 and a member, 4 and a page; missing = nowhere |
//! | `ttl` | when DynamoDB may delete it |
//!
//! A full page of [`homing_domain::limits::SHARD_MAX_DEVICES`] devices is 4.4 kB (5 write units), 6.4 kB with users (7).

use bytes::{Buf as _, Bytes};
use homing_domain::limits::HISTORY_KEPT_FOR;
use homing_domain::{
    Cursor, DeviceId, MemberKey, MessageId, Millis, Reason, Shard, ShardId, Target, UnixMillis, UserHash,
};

use crate::item::{Code, Damaged, Item, ItemReader, ItemWriter, Table, expiry, sorted_key};
use crate::schema::TTL;

/// Pages are needed for the close, which comes 28 days and an hour after the release at the latest, and for the history.
const KEPT_FOR: Millis = HISTORY_KEPT_FOR + 7 * 24 * 3_600_000;
/// The first byte of a page's sort key.
const PREFIX: u8 = b's';
const FOR_A_USER: u8 = 1;
const OTHER_VARIANT: u8 = 2;
const HELD: u8 = 4;
const REFUSED: u8 = 8;
const ID_BYTES: usize = 16;

/// Sort key of a page.
pub(super) fn sort_key(id: &ShardId) -> Vec<u8> {
    [&[PREFIX], &id.as_bytes()[..]].concat()
}

/// The sort keys of the pages after one: first and last, both among them.
pub(super) fn range_after(after: Option<&ShardId>) -> (Vec<u8>, Vec<u8>) {
    let first = match after {
        // The next key after this one is one byte longer.
        Some(after) => [&sort_key(after)[..], &[0]].concat(),
        None => vec![PREFIX],
    };
    (first, sort_key(&ShardId::from_bytes([u8::MAX; 16])))
}

pub(super) fn write(shard: &Shard, now: UnixMillis) -> Item {
    ItemWriter::of(sorted_key(*shard.message.as_bytes(), sort_key(&shard.id)))
        .with("t", targets_to_bytes(&shard.targets))
        .with_some("nx", shard.next.map(cursor_to_bytes))
        .with(TTL, expiry(now.plus(KEPT_FOR)))
        .finish()
}

pub(super) fn read(item: Item) -> Result<Shard, Damaged> {
    let mut item = ItemReader::new(Table::Messages, item);
    let sort: Bytes = item.take("sk")?;
    let id = sort.get(1..).and_then(ShardId::from_slice).ok_or_else(|| item.damaged("sk"))?;
    let message: MessageId = item.take("pk")?;
    let targets = targets_of(item.take("t")?).ok_or_else(|| item.damaged("t"))?;
    let next = match item.take_some("nx")? {
        Some(bytes) => Some(cursor_of(bytes).ok_or_else(|| item.damaged("nx"))?),
        None => None,
    };
    Ok(Shard { id, message, targets, next })
}

fn targets_to_bytes(targets: &[Target]) -> Bytes {
    let mut bytes = Vec::with_capacity(targets.len() * (1 + ID_BYTES + 8));
    for target in targets {
        let flag = |flag: u8, is_set: bool| if is_set { flag } else { 0 };
        bytes.push(
            flag(FOR_A_USER, target.user.is_some())
                | flag(OTHER_VARIANT, target.variant != 0)
                | flag(HELD, target.hold.is_some())
                | flag(REFUSED, target.refusal.is_some()),
        );
        bytes.extend(target.device.as_bytes());
        bytes.extend(target.user.iter().flat_map(|user| user.0.to_be_bytes()));
        bytes.extend((target.variant != 0).then_some(target.variant));
        bytes.extend(target.hold.iter().flat_map(|at| at.0.to_be_bytes()));
        bytes.extend(target.refusal.map(Code::code));
    }
    bytes.into()
}

fn targets_of(mut bytes: Bytes) -> Option<Vec<Target>> {
    let mut targets = Vec::new();
    while bytes.has_remaining() {
        let flags = bytes.try_get_u8().ok()?;
        if flags & !(FOR_A_USER | OTHER_VARIANT | HELD | REFUSED) != 0 {
            return None;
        }
        let mut target = Target::plain(take_device(&mut bytes)?, None);
        if flags & FOR_A_USER != 0 {
            target.user = Some(UserHash(bytes.try_get_u64().ok()?));
        }
        if flags & OTHER_VARIANT != 0 {
            target.variant = bytes.try_get_u8().ok()?;
        }
        if flags & HELD != 0 {
            target.hold = Some(UnixMillis(bytes.try_get_u64().ok()?));
        }
        if flags & REFUSED != 0 {
            target.refusal = Some(Reason::from_code(bytes.try_get_u8().ok()?)?);
        }
        targets.push(target);
    }
    Some(targets)
}

fn cursor_to_bytes(cursor: Cursor) -> Bytes {
    match cursor {
        Cursor::Start => Bytes::from_static(&[0]),
        Cursor::Index(index) => [&[1], &index.to_be_bytes()[..]].concat().into(),
        Cursor::After(device) => [&[2], &device.as_bytes()[..]].concat().into(),
        Cursor::AfterMember(key) => [&[3], &key.0[..]].concat().into(),
        Cursor::AfterShard(shard) => [&[4], &shard.as_bytes()[..]].concat().into(),
    }
}

fn cursor_of(mut bytes: Bytes) -> Option<Cursor> {
    let cursor = match bytes.try_get_u8().ok()? {
        0 => Cursor::Start,
        1 => Cursor::Index(bytes.try_get_u32().ok()?),
        2 => Cursor::After(take_device(&mut bytes)?),
        3 => Cursor::AfterMember(MemberKey(*take_device(&mut bytes)?.as_bytes())),
        4 => Cursor::AfterShard(ShardId::from_bytes(*take_device(&mut bytes)?.as_bytes())),
        _ => return None,
    };
    (!bytes.has_remaining()).then_some(cursor)
}

fn take_device(bytes: &mut Bytes) -> Option<DeviceId> {
    let id = (bytes.remaining() >= ID_BYTES).then(|| bytes.split_to(ID_BYTES))?;
    DeviceId::from_slice(&id)
}
