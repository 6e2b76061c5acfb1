//! Every port on one machine: one durable engine, one thread that commits, and in-memory indexes for what a restart may
//! forget.
//!
//! Every port call that changes something is atomic, all are in one order, and an answer means that it is on the disk.
//! That is more than the ports promise; nobody may rely on it.
//!
//! Kept in memory only, because a restart of the process ends what it describes: leases and inboxes of gateways (a
//! restarted gateway is another incarnation), and of queue items who received them, how often, and for how long a retry
//! hides them (after a restart every item that was not deleted is visible once its first delay is over, and its receives
//! count from one again), and how fast vendors were asked last.
//!
//! **Must not know**: the stages, the gateway, HTTP and its public shapes.

mod apps;
mod audiences;
mod committer;
mod devices;
mod engine;
mod error;
mod events;
mod feeds;
mod format;
mod gateways;
mod ledger;
mod mailboxes;
mod messages;
mod queues;
mod rows;
mod settings;
mod statistics;
mod sweep;
mod table;
mod timers;
mod upstreams;
mod vendor_channels;
mod vendor_tokens;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use homing_ports::Clock;

use crate::committer::{Committer, View};
use crate::engine::Engine;
pub use crate::error::OpenError;
use crate::error::StoreResult;
use crate::gateways::Fleet;
use crate::queues::QueueState;
pub use crate::sweep::Swept;
use crate::vendor_channels::Buckets;

/// The store. Cheap to clone; the directory's lock is released when the last clone is gone.
#[derive(Clone)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
}

struct Shared {
    // Dropped first, so that everything is durable before the engine closes.
    committer: Committer,
    engine: Engine,
    clock: Arc<dyn Clock>,
    queues: QueueState,
    fleet: Fleet,
    buckets: Buckets,
}

impl EmbeddedStore {
    /// Opens the store in a directory of its own, which is made if it is missing. Blocks: replaying the journal and
    /// indexing the queues takes seconds when a million items wait.
    ///
    /// # Errors
    /// [`OpenError`], in words for the person who starts the server.
    pub fn open(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let engine = Engine::open(directory)?;
        let queues = QueueState::load(&engine, clock.now()).map_err(|error| OpenError::from_store(directory, error))?;
        let committer =
            Committer::start(engine.clone()).map_err(|error| OpenError::from_io(directory.to_owned(), error))?;
        let shared = Shared { committer, engine, clock, queues, fleet: Fleet::default(), buckets: Buckets::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Why nothing can be written any more, in words, if a write ever failed: a full or broken disk. Reads go on, and a
    /// restart tries again. For the readiness check.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.shared.committer.failure().map(|failure| failure.to_string())
    }

    fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    async fn commit<T: Send + 'static>(
        &self,
        operation: &'static str,
        change: impl FnOnce(&mut View<'_>) -> StoreResult<T> + Send + 'static,
    ) -> homing_ports::Result<T> {
        self.shared.committer.commit(change).await.map_err(|error| error.in_port(operation))
    }

    async fn read_pages<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Engine) -> StoreResult<T> + Send + 'static,
    ) -> homing_ports::Result<T> {
        self.engine().read_pages(read).await.map_err(|error| error.in_port(operation))
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
