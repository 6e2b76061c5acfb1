//! Upstream messages as two items.
//!
//! | attribute | of the mark against a second one |
//! |---|---|
//! | `p` | position of the message |
//! | `a` | app |
//! | `fw` | there until it is forwarded, if its app wants that |
//!
//! | attribute | of the entry in the list |
//! |---|---|
//! | `d` `n` | device, the device's number of it |
//! | `to` `y` | topic, payload |
//! | `at` | received at |
//!
//! Both have `ttl`: the history of 30 days.

use homing_domain::limits::HISTORY_KEPT_FOR;
use homing_domain::{AppId, DeviceId, UnixMillis, Upstream, UpstreamId};
use homing_ports::StoredUpstream;

use super::position::shard_of;
use crate::directory::{sent_partition, upstream_partition};
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, expiry, sorted_key};
use crate::schema::TTL;

pub(super) fn mark_key(device: &DeviceId, id: UpstreamId) -> Item {
    sorted_key(sent_partition(device), id.to_be_bytes())
}

pub(super) fn entry_key(app: &AppId, position: u64) -> Item {
    sorted_key(upstream_partition(app, shard_of(position)), position.to_be_bytes())
}

/// What is known of a message by its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) app: AppId,
    pub(super) position: u64,
    /// It is to be forwarded, and nobody knows that it was.
    pub(super) is_forwarding: bool,
}

pub(super) fn write_mark(upstream: &Upstream, mark: Mark, now: UnixMillis) -> Item {
    ItemWriter::of(mark_key(&upstream.device, upstream.id))
        .with("p", mark.position)
        .with("a", mark.app)
        .with_some("fw", mark.is_forwarding.then_some(true))
        .with(TTL, expiry(now.plus(HISTORY_KEPT_FOR)))
        .finish()
}

pub(super) fn read_mark(item: Item) -> Result<Mark, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(Mark { position: item.take("p")?, app: item.take("a")?, is_forwarding: item.take_some("fw")?.unwrap_or(false) })
}

pub(super) fn write_entry(upstream: &Upstream, position: u64, now: UnixMillis) -> Item {
    ItemWriter::of(entry_key(&upstream.app, position))
        .with("d", upstream.device)
        .with("n", upstream.id)
        .with("to", upstream.topic.clone())
        .with("y", upstream.payload.clone())
        .with("at", upstream.received_at)
        .with(TTL, expiry(now.plus(HISTORY_KEPT_FOR)))
        .finish()
}

pub(super) fn read_entry(app: &AppId, item: Item) -> Result<StoredUpstream, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    let upstream = Upstream {
        app: app.clone(),
        device: item.take("d")?,
        id: item.take("n")?,
        topic: item.take("to")?,
        payload: item.take("y")?,
        received_at: item.take("at")?,
    };
    Ok(StoredUpstream { position: u64::from_be_bytes(item.take("sk")?), upstream })
}
