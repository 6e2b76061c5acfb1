//! The figures of apps by minute, hour and day.

use std::future::Future;

use homing_domain::{AppId, BatchId, Granularity, Period, Tally, UnixMillis};

use crate::Result;

/// Series of numbers. As with a message's numbers, what a batch changed is added once, however often it is told.
pub trait Statistics: Send + Sync {
    /// Adds a batch's changes to periods of an app, once per (batch, app): all additions and the memory of them are one
    /// transaction. At most [`homing_domain::limits::STATISTICS_PERIODS_PER_BATCH`] periods, each once.
    fn add_statistics(
        &self,
        batch: BatchId,
        app: &AppId,
        changes: Vec<(Period, Tally)>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Periods that begin within `from..until` and have any number, in their order; at most
    /// [`homing_domain::limits::STATISTICS_MAX_PERIODS`].
    fn statistics(
        &self,
        app: &AppId,
        granularity: Granularity,
        from: UnixMillis,
        until: UnixMillis,
    ) -> impl Future<Output = Result<Vec<(Period, Tally)>>> + Send;
}
