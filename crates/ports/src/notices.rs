//! Notices to gateways: hints without an answer. Losing one costs time, never a message, because the mailbox holds the
//! truth and gateways read it again.

use std::future::Future;

use homing_domain::{GatewayRef, Millis, Notice};

use crate::Result;

/// Tells gateways.
pub trait Notices: Send + Sync {
    /// Tells one gateway. An incarnation that is gone swallows it; a full inbox is [`crate::Fault::Retry`].
    fn notify(&self, gateway: GatewayRef, notices: Vec<Notice>) -> impl Future<Output = Result<()>> + Send;
}

/// A gateway's own inbox.
pub trait NoticeSource: Send + Sync {
    /// Takes up to `max` notices, waiting up to `wait` for the first. The inbox exists from the first lease on.
    fn take_notices(
        &self,
        gateway: GatewayRef,
        max: usize,
        wait: Millis,
    ) -> impl Future<Output = Result<Vec<Notice>>> + Send;
}
