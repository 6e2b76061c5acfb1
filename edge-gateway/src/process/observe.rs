//! Logs and metrics of this process.

use std::io::IsTerminal as _;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;
use tracing_subscriber::EnvFilter;

use super::config::LogFormat;
use super::error::ProcessError;
use crate::admin::RenderMetrics;

/// Buckets of every histogram of times, in seconds: from a store call to a slow device.
const TIME_BUCKETS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Sends logs to standard error.
pub(super) fn write_logs(format: LogFormat, filter: &str) -> Result<(), ProcessError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| ProcessError::Configuration(vec![format!("log_filter: {error}")]))?;
    let is_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal);
    let set = match format {
        LogFormat::Human => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // Already set: a second gateway in one process writes to the first one's logs.
    drop(set);
    Ok(())
}

/// Installs the recorder of this process. Without one, because another is installed, the text is empty.
pub(super) fn record_metrics() -> RenderMetrics {
    let builder = PrometheusBuilder::new().set_buckets(&TIME_BUCKETS).expect("the list of buckets is not empty");
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed: /metrics will be empty");
    }
    homing_telemetry::metric::describe();
    Arc::new(move || {
        handle.run_upkeep();
        handle.render()
    })
}
