//! Logs: one JSON object per line on standard output, where Lambda collects them.

use tracing_subscriber::EnvFilter;

/// Sends this process's logs to standard output. A filter that cannot be read is replaced by `info`, and told.
pub(crate) fn write_logs(filter: &str) {
    let (filter, problem) = match EnvFilter::try_new(filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    // CloudWatch adds the time; spans carry the request id and the trace.
    let builder = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_ansi(false);
    // Set already only in tests.
    drop(builder.try_init());
    if let Some(error) = problem {
        tracing::warn!(%error, "HOMING_LOG_FILTER cannot be read, everything from info on is logged");
    }
}
