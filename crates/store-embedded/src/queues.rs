//! The work queues: items on disk, and an index of who may be received in memory.

mod index;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use homing_domain::{Millis, UnixMillis};
use homing_ports::{DeadLetter, Outgoing, QueueName, Queues, ReceiptHandle, Received, Result};
use tokio::sync::Notify;

use crate::EmbeddedStore;
use crate::committer::View;
use crate::engine::Engine;
use crate::error::{StoreError, StoreResult};
use crate::rows::{self, DeadLetterRow, QueueItemRow};
use crate::sweep::Aged;
use crate::table::{Key, Table};
use index::{Handle, Index, ItemId, Spent};

/// Largest body of an item, in bytes: what SQS takes.
const BODY_MAX_BYTES: usize = 256 << 10;
/// Longest reason that is kept with an item, in bytes: enough for a sentence, and it stands in memory.
const REASON_MAX_BYTES: usize = 512;

/// All queues.
pub(crate) struct QueueState {
    queues: [Arc<Queue>; QueueName::ALL.len()],
}

/// One queue.
struct Queue {
    name: QueueName,
    index: Mutex<Index>,
    /// Items may have become visible.
    arrived: Notify,
}

fn item_key(queue: QueueName, id: ItemId) -> Key {
    Key::of(Table::QueueItems).queue(queue).number(id)
}

pub(crate) fn dead_letter_key(queue: QueueName, id: ItemId) -> Key {
    Key::of(Table::DeadLetters).queue(queue).number(id)
}

fn kept_reason(reason: &str) -> Box<str> {
    let mut reason = reason.to_owned();
    reason.truncate(reason.floor_char_boundary(REASON_MAX_BYTES));
    reason.into()
}

fn id_at_end(table: Table, key: &[u8]) -> StoreResult<ItemId> {
    key.last_chunk().map(|id| u64::from_be_bytes(*id)).ok_or(StoreError::Damaged { table, what: "a key without an id" })
}

impl QueueState {
    /// Builds the indexes from what is on disk.
    pub(crate) fn load(engine: &Engine, now: UnixMillis) -> StoreResult<Self> {
        let load_one = |name| -> StoreResult<Arc<Queue>> {
            let prefix = Key::of(Table::QueueItems).queue(name);
            let mut index = Index::new(now);
            let dead_letters = Key::of(Table::DeadLetters).queue(name);
            if let Some(last) = engine.last_key(&dead_letters)? {
                index.skip_ids(id_at_end(dead_letters.table, &last)?);
            }
            for row in engine.scan(&prefix, None) {
                let (key, value) = row?;
                let item: QueueItemRow = rows::decode(prefix.table, value)?;
                index.add(id_at_end(prefix.table, &key)?, item.group.as_deref(), UnixMillis(item.visible_at), now);
            }
            Ok(Arc::new(Queue { name, index: Mutex::new(index), arrived: Notify::new() }))
        };
        let queues = QueueName::ALL.into_iter().map(load_one).collect::<StoreResult<Vec<_>>>()?;
        // As many as there are names.
        Ok(Self { queues: queues.try_into().map_err(|_| StoreError::Closed)? })
    }

    fn queue(&self, name: QueueName) -> &Arc<Queue> {
        // `ALL` is in the order of the discriminants (a test holds it to that).
        &self.queues[name as usize]
    }
}

impl Queue {
    fn index(&self) -> MutexGuard<'_, Index> {
        // Nothing that runs under the lock can panic half-way through a change.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an item and makes it receivable once it is durable.
    fn send(self: &Arc<Self>, view: &mut View<'_>, item: Outgoing, now: UnixMillis) {
        let id = self.index().next_id();
        let visible_at = now.plus(item.delay);
        let row = QueueItemRow {
            body: item.body,
            sent_at: now.0,
            visible_at: visible_at.0,
            group: item.group.as_deref().map(str::to_owned),
        };
        view.put_row(item_key(self.name, id), &row);
        let queue = Arc::clone(self);
        view.once_durable(move || {
            queue.index().add(id, item.group.as_deref(), visible_at, now);
            queue.arrived.notify_waiters();
        });
    }

    fn delete(self: &Arc<Self>, view: &mut View<'_>, handle: Handle) {
        if self.index().is_current(handle) {
            view.delete(item_key(self.name, handle.id));
            let queue = Arc::clone(self);
            view.once_durable(move || queue.index().remove(handle.id));
        }
    }

    /// Makes an item a dead letter, unless it was deleted in between.
    fn bury(self: &Arc<Self>, view: &mut View<'_>, spent: Spent, now: UnixMillis) -> StoreResult<()> {
        let key = item_key(self.name, spent.id);
        if let Some(value) = view.get(&key)? {
            // What cannot be read is given up as it is.
            let item = rows::decode(key.table, value.clone())
                .unwrap_or_else(|_| QueueItemRow { body: value, ..QueueItemRow::default() });
            view.delete(key);
            let row = DeadLetterRow {
                body: item.body,
                sent_at: item.sent_at,
                receives: spent.receives,
                reason: spent.reason.map(String::from),
                group: item.group,
                died_at: now.0,
            };
            view.put_row(dead_letter_key(self.name, spent.id), &row);
            view.put_mark(Aged::DeadLetter(self.name, spent.id).key(now));
        }
        let queue = Arc::clone(self);
        view.once_durable(move || queue.index().remove(spent.id));
        Ok(())
    }
}

impl EmbeddedStore {
    fn queue(&self, name: QueueName) -> Arc<Queue> {
        Arc::clone(self.shared.queues.queue(name))
    }

    async fn bury(&self, queue: &Arc<Queue>, spent: Vec<Spent>) -> Result<()> {
        if spent.is_empty() {
            return Ok(());
        }
        let (queue, now) = (Arc::clone(queue), self.shared.clock.now());
        self.commit("give items up", move |view| spent.into_iter().try_for_each(|item| queue.bury(view, item, now)))
            .await
    }

    /// Takes what is visible now, and buries what was tried too often.
    async fn take_visible(&self, queue: &Arc<Queue>, max: usize) -> Result<Vec<Received>> {
        let (taken, spent) = queue.index().take(queue.name, max, self.shared.clock.now());
        self.bury(queue, spent).await?;
        let mut received = Vec::with_capacity(taken.len());
        for taken in taken {
            match self.engine().row::<QueueItemRow>(&item_key(queue.name, taken.handle.id)) {
                Ok(Some(row)) => received.push(taken.with(row)),
                // Deleted between the index and here, by the handle of an earlier receive.
                Ok(None) => {}
                // It stays hidden, comes again, and is given up in the end; the others must not wait for that.
                Err(damaged @ StoreError::Damaged { .. }) => {
                    tracing::error!(queue = queue.name.name(), error = %damaged, "an item cannot be read");
                }
                Err(error) => return Err(error.in_port("receive items")),
            }
        }
        Ok(received)
    }
}

impl Queues for EmbeddedStore {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        let (queue, now) = (self.queue(queue), self.shared.clock.now());
        self.commit("send items", move |view| {
            if items.iter().any(|item| item.body.len() > BODY_MAX_BYTES) {
                return Err(StoreError::TooLarge { what: "an item's body", limit: BODY_MAX_BYTES });
            }
            items.into_iter().for_each(|item| queue.send(view, item, now));
            Ok(())
        })
        .await
    }

    async fn receive(&self, queue: QueueName, max: usize, wait: Millis) -> Result<Vec<Received>> {
        let queue = self.queue(queue);
        let mut patience = pin!(tokio::time::sleep(Duration::from_millis(wait)));
        loop {
            let mut arrived = pin!(queue.arrived.notified());
            // Listen first, look then: what comes in between is not missed.
            arrived.as_mut().enable();
            let received = self.take_visible(&queue, max).await?;
            if !received.is_empty() || wait == 0 || max == 0 {
                return Ok(received);
            }
            let next = queue.index().next_due().map(|due| due.since(self.shared.clock.now()));
            let due = async {
                match next {
                    // A clock that stands still must not turn this into a busy loop.
                    Some(next) => tokio::time::sleep(Duration::from_millis(next.max(1))).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = arrived => {}
                () = due => {}
                () = &mut patience => return self.take_visible(&queue, max).await,
            }
        }
    }

    async fn delete(&self, queue: QueueName, handles: Vec<ReceiptHandle>) -> Result<()> {
        let queue = self.queue(queue);
        self.commit("delete items", move |view| {
            let handles = handles.iter().filter_map(Handle::from_receipt);
            handles.for_each(|handle| queue.delete(view, handle));
            Ok(())
        })
        .await
    }

    async fn retry(&self, queue: QueueName, handle: ReceiptHandle, delay: Millis, reason: &str) -> Result<()> {
        let queue = self.queue(queue);
        let Some(handle) = Handle::from_receipt(&handle) else {
            return Ok(());
        };
        let now = self.shared.clock.now();
        let spent = queue.index().retry(queue.name, handle, now.plus(delay), kept_reason(reason));
        queue.arrived.notify_waiters();
        self.bury(&queue, spent.into_iter().collect()).await
    }

    async fn give_up(&self, queue: QueueName, item: Received, reason: &str) -> Result<()> {
        let Some(handle) = Handle::from_receipt(&item.handle) else {
            return Ok(());
        };
        let spent = Spent { id: handle.id, receives: item.receives, reason: Some(kept_reason(reason)) };
        let (queue, now) = (self.queue(queue), self.shared.clock.now());
        self.commit("give the item up", move |view| {
            let is_current = queue.index().is_current(handle);
            if is_current { queue.bury(view, spent, now) } else { Ok(()) }
        })
        .await
    }

    async fn dead_letters(&self, queue: QueueName, limit: usize) -> Result<Vec<DeadLetter>> {
        let prefix = Key::of(Table::DeadLetters).queue(queue);
        self.read_pages("list dead letters", move |engine| {
            let read = |(key, value): (Bytes, Bytes)| {
                let row: DeadLetterRow = rows::decode(prefix.table, value)?;
                Ok(DeadLetter {
                    id: Bytes::copy_from_slice(&id_at_end(prefix.table, &key)?.to_be_bytes()),
                    body: row.body,
                    receives: row.receives,
                    sent_at: UnixMillis(row.sent_at),
                    reason: row.reason,
                })
            };
            engine.page(&prefix, None, limit)?.into_iter().map(read).collect()
        })
        .await
    }

    async fn redrive(&self, queue: QueueName, id: Bytes) -> Result<()> {
        let Some(id) = id[..].try_into().ok().map(u64::from_be_bytes) else {
            return Ok(());
        };
        let (queue, now) = (self.queue(queue), self.shared.clock.now());
        self.commit("redrive the dead letter", move |view| {
            let key = dead_letter_key(queue.name, id);
            if let Some(row) = view.row::<DeadLetterRow>(&key)? {
                view.delete(key);
                view.delete(Aged::DeadLetter(queue.name, id).key(UnixMillis(row.died_at)));
                let group = row.group.map(String::into_boxed_str);
                queue.send(view, Outgoing { body: row.body, delay: 0, group }, now);
            }
            Ok(())
        })
        .await
    }

    async fn depth(&self, queue: QueueName) -> Result<u64> {
        Ok(self.queue(queue).index().len())
    }
}
