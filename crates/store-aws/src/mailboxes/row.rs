//! The item of a mailbox. Names are short because a write is billed per KiB of names and values together.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | the device |
//! | `a` | app |
//! | `e` | epoch |
//! | `lo`, `hi` | first seq that is not trimmed, last seq given out |
//! | `q` | entries, oldest first |
//! | `h` | the low halves of their message ids, which are their short hashes, in the same order |
//! | `g` | the gateway with the link: server id and incarnation; missing without a link |
//! | `n` | largest connection number that took over; the link's, if there is one |
//! | `s` | highest seq that may have reached the device |
//! | `c` | valid generation of the secret |
//! | `x` | there when revoked |
//! | `u` | user |
//! | `p` | there when the device has an address at a vendor; releases that asked no vendor wrote none |
//! | `t` | short hashes of what was trimmed, oldest first; missing when empty |
//! | `r`, `w` | short hashes of what was refused, oldest first, and a byte for the reason of each; missing when empty |
//! | `v` | version |
//! | `l` | when a gateway last took over; missing before |
//! | `ttl` | there when revoked |
//!
//! | of an entry | what |
//! |---|---|
//! | `m` | high half of the message id |
//! | `e`, `a`, `x` | when enqueued, when accepted, when it expires |
//! | `n` | span, unless 1 |
//! | `w`, `d` | why it was withdrawn (marked), why it is dead (a tombstone) |
//! | `p` | priority, unless normal |
//! | `k` | collapse key |
//! | `u` | addressee |
//! | `b` | inline payload; missing = in the message row |
//! | `l` | which rendering of the message, unless the default |
//!
//! Sizes (DynamoDB's rules, measured by a test): an empty mailbox 95 bytes, 64 remembered ids 580 more, an entry 55 and its
//! payload. So a device that has had its 64th message stays within 1 KiB with one pending payload of 290 bytes.

use std::collections::VecDeque;

use bytes::Bytes;
use homing_domain::mailbox::{Body, Entry, EntryState, Mailbox, Route};
use homing_domain::{ConnSeq, DeviceId, GatewayRef, MessageId, Priority, Reason, ServerId, UnixMillis};

use crate::item::{Code, Damaged, Item, ItemReader, ItemWriter, Table, key};

/// Eight bytes of a message id that its mailbox knows it by, in the order of the number.
pub(super) fn short_hash(message: &MessageId) -> [u8; 8] {
    message.short_hash().to_be_bytes()
}

/// The gateway of a route. The link's connection number is the mailbox's: only a takeover sets either, and it sets both.
pub(super) fn gateway(route: &Route) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&route.gateway.server_id.0);
    bytes[8..].copy_from_slice(&route.gateway.incarnation.to_be_bytes());
    bytes
}

fn route(bytes: [u8; 16], conn_seq: ConnSeq) -> Route {
    let (server_id, incarnation) = halves(bytes);
    Route {
        gateway: GatewayRef { server_id: ServerId(server_id), incarnation: u64::from_be_bytes(incarnation) },
        conn_seq,
    }
}

fn halves(bytes: [u8; 16]) -> ([u8; 8], [u8; 8]) {
    let (mut high, mut low) = ([0; 8], [0; 8]);
    high.copy_from_slice(&bytes[..8]);
    low.copy_from_slice(&bytes[8..]);
    (high, low)
}

/// The item, but for its version and time to live.
pub(super) fn write(device: DeviceId, mailbox: &Mailbox) -> ItemWriter {
    let hashes = |hashes: Vec<[u8; 8]>| (!hashes.is_empty()).then_some(hashes);
    let reasons: Vec<u8> = mailbox.refused.iter().map(|(_, reason)| reason.code()).collect();
    ItemWriter::of(key(*device.as_bytes()))
        .with("a", mailbox.app.clone())
        .with("e", mailbox.epoch)
        .with("lo", mailbox.lo)
        .with("hi", mailbox.hi)
        .with("q", mailbox.entries.iter().map(entry).collect::<Vec<_>>())
        .with("h", mailbox.entries.iter().map(|entry| short_hash(&entry.message)).collect::<Vec<_>>())
        .with_some("g", mailbox.route.as_ref().map(gateway))
        .with("n", mailbox.conn_seq)
        .with("s", mailbox.sent)
        .with("c", mailbox.credential_generation)
        .with_some("x", mailbox.revoked.then_some(true))
        .with_some("u", mailbox.user)
        .with_some("p", mailbox.has_vendor.then_some(true))
        .with_some("t", hashes(mailbox.trimmed.iter().map(|hash| hash.to_be_bytes()).collect()))
        .with_some("r", hashes(mailbox.refused.iter().map(|(hash, _)| hash.to_be_bytes()).collect()))
        .with_some("w", (!reasons.is_empty()).then(|| Bytes::from(reasons)))
        .with_some("l", (mailbox.seen_at != UnixMillis(0)).then_some(mailbox.seen_at))
}

/// One entry; its short hash stands in `h`.
pub(super) fn entry(entry: &Entry) -> Item {
    let (marked, dead) = match entry.state {
        EntryState::Live => (None, None),
        EntryState::Marked(reason) => (Some(reason), None),
        EntryState::Tombstone(reason) => (None, Some(reason)),
    };
    let payload = match &entry.body {
        Body::Inline(payload) => Some(payload.clone()),
        Body::Reference => None,
    };
    ItemWriter::default()
        .with("m", halves(*entry.message.as_bytes()).0)
        .with("e", entry.enqueued_at)
        .with("a", entry.accepted_at)
        .with("x", entry.expires_at)
        .with_some("n", (entry.span != 1).then_some(entry.span))
        .with_some("w", marked)
        .with_some("d", dead)
        .with_some("p", (entry.priority != Priority::Normal).then_some(entry.priority))
        .with_some("k", entry.collapse_key.clone())
        .with_some("u", entry.user)
        .with_some("b", payload)
        .with_some("l", (entry.variant != 0).then_some(entry.variant))
        .finish()
}

/// The mailbox of an item.
pub(super) fn read(item: Item) -> Result<Mailbox, Damaged> {
    let mut item = ItemReader::new(Table::Mailboxes, item);
    let conn_seq = item.take("n")?;
    Ok(Mailbox {
        app: item.take("a")?,
        epoch: item.take("e")?,
        lo: item.take("lo")?,
        hi: item.take("hi")?,
        entries: entries(&mut item)?,
        route: item.take_some("g")?.map(|bytes| route(bytes, conn_seq)),
        conn_seq,
        sent: item.take("s")?,
        credential_generation: item.take("c")?,
        revoked: item.take_some("x")?.unwrap_or(false),
        user: item.take_some("u")?,
        has_vendor: item.take_some("p")?.unwrap_or(false),
        trimmed: hashes(&mut item, "t")?.map(u64::from_be_bytes).collect(),
        refused: refused(&mut item)?,
        seen_at: item.take_some("l")?.unwrap_or_default(),
    })
}

fn entries(item: &mut ItemReader) -> Result<VecDeque<Entry>, Damaged> {
    let low_halves = item.take::<Vec<[u8; 8]>>("h")?;
    let entries = item.take::<Vec<Item>>("q")?;
    if entries.len() != low_halves.len() {
        return Err(item.damaged("h"));
    }
    entries.into_iter().zip(low_halves).map(|(entry, low)| read_entry(entry, low)).collect()
}

fn read_entry(entry: Item, low: [u8; 8]) -> Result<Entry, Damaged> {
    let mut entry = ItemReader::new(Table::Mailboxes, entry);
    let mut message = [0; 16];
    message[..8].copy_from_slice(&entry.take::<[u8; 8]>("m")?);
    message[8..].copy_from_slice(&low);
    let state = match (entry.take_some("w")?, entry.take_some("d")?) {
        (_, Some(reason)) => EntryState::Tombstone(reason),
        (Some(reason), None) => EntryState::Marked(reason),
        (None, None) => EntryState::Live,
    };
    Ok(Entry {
        span: entry.take_some("n")?.unwrap_or(1),
        message: MessageId::from_bytes(message),
        state,
        enqueued_at: entry.take("e")?,
        accepted_at: entry.take("a")?,
        expires_at: entry.take("x")?,
        priority: entry.take_some("p")?.unwrap_or(Priority::Normal),
        collapse_key: entry.take_some("k")?,
        user: entry.take_some("u")?,
        body: entry.take_some("b")?.map_or(Body::Reference, Body::Inline),
        variant: entry.take_some("l")?.unwrap_or_default(),
    })
}

fn hashes(item: &mut ItemReader, attribute: &'static str) -> Result<impl Iterator<Item = [u8; 8]> + use<>, Damaged> {
    Ok(item.take_some::<Vec<[u8; 8]>>(attribute)?.unwrap_or_default().into_iter())
}

fn refused(item: &mut ItemReader) -> Result<VecDeque<(u64, Reason)>, Damaged> {
    let hashes: Vec<_> = hashes(item, "r")?.collect();
    let reasons = item.take_some::<Bytes>("w")?.unwrap_or_default();
    if hashes.len() != reasons.len() {
        return Err(item.damaged("w"));
    }
    let reason = |code: u8| Reason::from_code(code).ok_or_else(|| item.damaged("w"));
    hashes.into_iter().zip(reasons).map(|(hash, code)| Ok((u64::from_be_bytes(hash), reason(code)?))).collect()
}

#[cfg(test)]
mod tests;
