//! Metrics as CloudWatch reads them from logs: the embedded metric format, one JSON object per line.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! Numbers gather in memory and are written after each invocation, while its time still runs. CloudWatch bills each
//! combination of name and dimensions, so labels that grow with the number of tenants or gateways are left out.

mod document;
mod series;

use std::io::Write as _;
use std::sync::Arc;

use homing_domain::UnixMillis;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use series::Table;

/// The recorder of this process. Clones share their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Emf {
    table: Arc<Table>,
}

impl Emf {
    /// Makes it the recorder of this process. The first one wins, which matters to tests only.
    pub(crate) fn install(&self) {
        if metrics::set_global_recorder(self.clone()).is_ok() {
            homing_telemetry::metric::describe();
        }
    }

    /// Writes to standard output what gathered since the last time, and starts again from nothing.
    pub(crate) fn flush(&self, function: &str, now: UnixMillis) {
        let lines = document::lines(&self.table.drain(), &self.table.units(), function, now);
        if lines.is_empty() {
            return;
        }
        // One write, so that no log line comes between.
        if let Err(error) = std::io::stdout().lock().write_all(lines.as_bytes()) {
            tracing::warn!(%error, "metrics could not be written");
        }
    }
}

impl Recorder for Emf {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.table.describe(key, unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.table.describe(key, unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.table.describe(key, unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.table.series(key).map_or_else(Counter::noop, Counter::from_arc)
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.table.series(key).map_or_else(Gauge::noop, Gauge::from_arc)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.table.series(key).map_or_else(Histogram::noop, Histogram::from_arc)
    }
}

#[cfg(test)]
mod tests;
