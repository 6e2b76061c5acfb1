//! Events about the embedded store.

use std::time::Duration;

use metrics::{counter, histogram};
use tracing::trace;

use crate::{metric, number};

/// Writes that came together became durable together.
#[derive(Clone, Copy, Debug)]
pub struct StoreCommitted {
    /// How many writes shared the commit.
    pub writes: usize,
    /// How long it took; most take well under a millisecond of work and one flush.
    pub took: Duration,
}

impl StoreCommitted {
    /// Logs and counts it.
    pub fn emit(&self) {
        counter!(metric::STORE_COMMITS).increment(1);
        histogram!(metric::STORE_COMMIT_WRITES).record(number(self.writes));
        histogram!(metric::STORE_COMMIT_TIME).record(self.took.as_secs_f64());
        trace!(writes = self.writes, took = ?self.took, "store committed");
    }
}
