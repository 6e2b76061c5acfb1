//! How a stage ends that could not finish one item of its queue.

use homing_domain::Millis;

use crate::{Error, Fault, QueueName};

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

/// First pause before a failed item is tried again; it doubles with each try.
const RETRY_BASE: Millis = 200;
/// Longest such pause: a fault that lasts minutes is tried a few times within the limit of receives.
const RETRY_CAP: Millis = 60_000;

/// What the worker does with an item after its stage had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Its work is done: delete it.
    Delete,
    /// Let it be received again after `delay`.
    Retry {
        /// How long it rests.
        delay: Millis,
        /// Why.
        reason: String,
    },
    /// Send it anew with this delay, then delete it: it only waits, and must not become a dead letter by waiting.
    SendAnew {
        /// How long it waits.
        delay: Millis,
    },
    /// Make it a dead letter.
    GiveUp {
        /// Why, for a person.
        reason: String,
    },
}

/// Decides what becomes of an item that was received for the `receives`th time.
#[must_use]
pub fn settle(queue: QueueName, receives: u32, done: Result<(), &StageError>) -> Settlement {
    let is_last = receives >= queue.max_receives();
    match done {
        Ok(()) => Settlement::Delete,
        Err(StageError::Later { delay }) if receives + 1 < queue.max_receives() => {
            Settlement::Retry { delay: *delay, reason: "not yet".to_owned() }
        }
        // What its sender wrote beside the body would be lost by sending it anew.
        Err(StageError::Later { delay }) if queue != QueueName::Intake => Settlement::SendAnew { delay: *delay },
        Err(error @ StageError::Poison { .. }) => Settlement::GiveUp { reason: error.to_string() },
        Err(error) if is_last => Settlement::GiveUp { reason: error.to_string() },
        Err(StageError::Later { delay }) => Settlement::Retry { delay: *delay, reason: "not yet".to_owned() },
        Err(StageError::Port(error)) => Settlement::Retry {
            delay: if error.fault == Fault::Conflict { RETRY_BASE } else { pause_after(receives) },
            reason: error.to_string(),
        },
    }
}

fn pause_after(receives: u32) -> Millis {
    RETRY_BASE.saturating_mul(1 << receives.saturating_sub(1).min(16)).min(RETRY_CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_rests_longer_each_time_and_is_given_up_in_the_end() {
        let failed = StageError::Port(Error::new(Fault::Retry, "read"));
        let delay = |receives| match settle(QueueName::Dispatch, receives, Err(&failed)) {
            Settlement::Retry { delay, .. } => Some(delay),
            _ => None,
        };
        assert_eq!([1, 2, 3, 19, 20].map(delay), [Some(200), Some(400), Some(800), Some(60_000), None]);
    }

    #[test]
    fn waiting_is_no_failure() {
        let later = StageError::Later { delay: 5 };
        let at = |receives| settle(QueueName::Close, receives, Err(&later));
        assert_eq!(at(1), Settlement::Retry { delay: 5, reason: "not yet".into() });
        assert_eq!(at(19), Settlement::SendAnew { delay: 5 });
        assert_eq!(at(20), Settlement::SendAnew { delay: 5 });
        let of_business = |receives| settle(QueueName::Intake, receives, Err(&later));
        assert_eq!(of_business(19), Settlement::Retry { delay: 5, reason: "not yet".into() });
        assert_eq!(of_business(20), Settlement::GiveUp { reason: "not yet, again in 5 ms".into() });
    }

    #[test]
    fn poison_goes_at_once() {
        let poison = StageError::poison("no such message");
        let settled = settle(QueueName::Audience, 1, Err(&poison));
        assert_eq!(settled, Settlement::GiveUp { reason: "cannot be processed: no such message".into() });
    }
}
