//! Cron expressions.

use homing_domain::{Recurrence, UnixMillis};

/// Why a text is not a cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    /// What is wrong, in words, with the field.
    pub message: String,
}

/// Checks a cron expression of 5 fields, or of 6 with seconds first.
///
/// # Errors
/// [`CronError`]
pub fn check_cron(text: &str) -> Result<(), CronError> {
    Err(CronError { message: format!("not supported yet: {text}") })
}

/// The first occurrence after a moment; `None` when there is none (any more).
#[must_use]
pub fn next_occurrence(recurrence: &Recurrence, after: UnixMillis) -> Option<UnixMillis> {
    _ = (recurrence, after);
    None
}
