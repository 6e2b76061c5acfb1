//! How a stage ends that could not finish one item of its queue.

use homing_domain::Millis;

use crate::Error;

/// What the worker loop is to do with the item. Without an error the item is done and is deleted.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// It is not this item's time: let it be received again after `delay`, in milliseconds. Nothing is wrong.
    #[error("not yet, again in {delay} ms")]
    Later {
        /// How long to wait.
        delay: Millis,
    },
    /// A port failed: let it be received again after the worker's own backoff.
    #[error(transparent)]
    Port(#[from] Error),
    /// No repeat can succeed: keep it among the dead letters for a person.
    #[error("cannot be processed: {reason}")]
    Poison {
        /// Why, for that person.
        reason: String,
    },
}

impl StageError {
    /// No repeat can succeed.
    pub fn poison(reason: impl ToString) -> Self {
        Self::Poison { reason: reason.to_string() }
    }
}
