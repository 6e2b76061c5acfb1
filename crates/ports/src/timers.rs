//! Timers.

use std::future::Future;

use homing_domain::DueTick;

use crate::Result;

/// Wakes the schedule stage.
pub trait Timers: Send + Sync {
    /// Puts the tick into [`crate::QueueName::Due`] at about `tick.at`, early perhaps and more than once perhaps. Durable when
    /// answered. A timer may be lost all the same (somebody deleted it): [`crate::Messages::overdue`] finds its message.
    fn set_timer(&self, tick: DueTick) -> impl Future<Output = Result<()>> + Send;
}
