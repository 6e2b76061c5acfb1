//! How a link ends.

use homing_domain::Millis;
use homing_wire::{Close, CloseCode};

/// What the gateway's Close says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Why; `None` = a code that this version does not know.
    pub code: Option<CloseCode>,
    /// Come back not before this; 0 = as the backoff says.
    pub retry_after: Millis,
    /// A number that belongs to the code: the other connection's at `Superseded` and `StaleConnection`.
    pub detail: u64,
}

impl From<Close> for Closed {
    fn from(close: Close) -> Self {
        Self {
            code: CloseCode::try_from(close.code).ok(),
            retry_after: Millis::from(close.retry_after_ms),
            detail: close.detail,
        }
    }
}

/// Why there is no link (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No transport came up, or no Welcome came over it.
    Unreachable,
    /// The gateway closed it.
    Closed(Closed),
    /// The transport broke.
    Lost,
    /// The gateway answered nothing for too long.
    Silent,
    /// The gateway broke the protocol; it was told so.
    Protocol,
}
