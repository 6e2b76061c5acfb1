//! Messages from devices.

use homing_domain::{AppId, Upstream};
use homing_ports::{Created, Result, StoredUpstream, Upstreams};

use crate::EmbeddedStore;
use crate::error::{StoreError, StoreResult};
use crate::rows::{self, PositionRow};
use crate::sweep::Aged;
use crate::table::{Key, Table};

pub(crate) fn key(app: &AppId, position: u64) -> Key {
    Key::of(Table::Upstreams).app(app).number(position)
}

/// The mark against a second one with the same number from the same device.
pub(crate) fn seen(upstream: &Upstream) -> Key {
    Key::of(Table::UpstreamsSeen).device(&upstream.device).number(upstream.id)
}

fn position_at_end(key: &[u8]) -> StoreResult<u64> {
    key.last_chunk()
        .map(|position| u64::from_be_bytes(*position))
        .ok_or(StoreError::Damaged { table: Table::Upstreams, what: "a key without a position" })
}

impl Upstreams for EmbeddedStore {
    async fn store_upstream(&self, upstream: Upstream) -> Result<Created> {
        self.commit("store the upstream message", move |view| {
            let seen = seen(&upstream);
            if view.contains(&seen)? {
                return Ok(Created::Exists);
            }
            let positions = Key::of(Table::UpstreamPositions).app(&upstream.app);
            let position = view.row::<PositionRow>(&positions)?.unwrap_or_default().last + 1;
            view.put_mark(seen);
            view.put_row(positions, &PositionRow { last: position });
            view.put_mark(Aged::Upstream(upstream.app.clone(), position).key(upstream.received_at));
            view.put_noun(key(&upstream.app, position), &upstream);
            Ok(Created::New)
        })
        .await
    }

    async fn upstreams(&self, app: &AppId, after: u64, limit: usize) -> Result<Vec<StoredUpstream>> {
        let prefix = Key::of(Table::Upstreams).app(app);
        let start = key(app, after).next();
        self.read_pages("list upstream messages", move |engine| {
            let read = |(key, value): (bytes::Bytes, bytes::Bytes)| {
                Ok(StoredUpstream { position: position_at_end(&key)?, upstream: rows::read(prefix.table, value)? })
            };
            engine.page(&prefix, Some(start), limit)?.into_iter().map(read).collect()
        })
        .await
    }
}
