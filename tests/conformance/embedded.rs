//! The embedded store: how the suites make one, and what it promises beyond the ports.

mod child;
mod full_disk;
mod kill;
mod reopen;
mod retention;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use homing_domain::{Millis, UnixMillis};
use homing_ports::Clock;
use homing_store_embedded::EmbeddedStore;
use tempfile::TempDir;

use crate::adapter::Adapter;

/// A clock that the test moves.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicU64);

impl HandClock {
    /// Set to some day in 2023.
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_700_000_000_000)))
    }

    fn advance(&self, by: Millis) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// A store in a directory of its own.
pub(crate) struct Embedded {
    store: EmbeddedStore,
    clock: Arc<HandClock>,
    // Deleted after the store is closed.
    directory: TempDir,
}

impl Embedded {
    fn open() -> Self {
        let (directory, clock) = (TempDir::new().unwrap(), HandClock::new());
        Self { store: open_in(directory.path(), &clock), clock, directory }
    }

    /// Closes the store and opens it again.
    fn reopen(self) -> Self {
        let Self { store, clock, directory } = self;
        drop(store);
        Self { store: open_in(directory.path(), &clock), clock, directory }
    }
}

fn open_in(directory: &Path, clock: &Arc<HandClock>) -> EmbeddedStore {
    let clock: Arc<dyn Clock> = Arc::<HandClock>::clone(clock);
    EmbeddedStore::open(directory, clock).unwrap()
}

impl Adapter for Embedded {
    type Ports = EmbeddedStore;

    async fn start() -> Self {
        Self::open()
    }

    fn ports(&self) -> &EmbeddedStore {
        &self.store
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    async fn advance(&self, by: Millis) {
        self.clock.advance(by);
    }

    async fn settle(&self) {}
}

/// What not every adapter can do: SQS serves groups only roughly in turn, has no full inbox, and counts receives by itself.
mod exact {
    suites! { crate::embedded::Embedded:
        queues {
            a_flood_of_one_group_leaves_another_alone
        }
        queue_dead_letters {
            the_limit_is_exact_and_the_last_reason_is_kept
        }
        notices {
            a_full_inbox_asks_to_try_again
        }
    }
}
