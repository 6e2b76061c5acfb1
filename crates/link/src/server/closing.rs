//! Why and how a link ends.

use homing_domain::mailbox::TakeoverRefused;
use homing_domain::{ConnSeq, Millis};
use homing_wire::{Close, CloseCode, DecodeError, Frame};

/// The end of a link, to be told to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Why.
    pub code: CloseCode,
    /// The device comes back not before so many milliseconds; 0 = as its backoff says.
    pub retry_after: Millis,
    /// A number that belongs to the code.
    pub detail: u64,
}

impl Closing {
    /// For a code that carries no number.
    #[must_use]
    pub const fn new(code: CloseCode) -> Self {
        Self { code, retry_after: 0, detail: 0 }
    }

    /// A connection with a larger number took over.
    #[must_use]
    pub const fn superseded(by: ConnSeq) -> Self {
        Self { code: CloseCode::Superseded, retry_after: 0, detail: by }
    }

    /// This connection number is not new.
    #[must_use]
    pub const fn stale(current: ConnSeq) -> Self {
        Self { code: CloseCode::StaleConnection, retry_after: 0, detail: current }
    }

    /// The gateway cannot serve the device now.
    #[must_use]
    pub const fn overload(retry_after: Millis) -> Self {
        Self { code: CloseCode::Overload, retry_after, detail: 0 }
    }

    /// The last frame.
    #[must_use]
    pub fn frame(&self) -> Frame {
        let retry_after_ms = u32::try_from(self.retry_after).unwrap_or(u32::MAX);
        Close { code: self.code as i32, retry_after_ms, detail: self.detail }.into()
    }
}

impl From<TakeoverRefused> for Closing {
    fn from(refused: TakeoverRefused) -> Self {
        match refused {
            TakeoverRefused::Stale { current } => Self::stale(current),
            TakeoverRefused::Credential => Self::new(CloseCode::Authentication),
            TakeoverRefused::Revoked => Self::new(CloseCode::Revoked),
        }
    }
}

impl From<DecodeError> for Closing {
    fn from(_: DecodeError) -> Self {
        Self::new(CloseCode::Protocol)
    }
}
