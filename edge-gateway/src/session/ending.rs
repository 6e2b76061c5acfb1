//! How a link came to its end.

use std::time::Duration;

use homing_domain::ConnSeq;
use homing_link::server::Closing;
use homing_wire::CloseCode;

/// A Close frame that is not taken within this is not worth waiting for.
pub(super) const FAREWELL_WITHIN: Duration = Duration::from_secs(3);

/// Why a link ended, for the device and for the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    /// What the device is told; `None` = it is gone.
    pub(super) closing: Option<Closing>,
    /// From a closed list.
    pub(super) reason: &'static str,
}

impl Ending {
    /// The transport ended without a word.
    pub(super) const GONE: Self = Self { closing: None, reason: "gone" };

    /// The device said goodbye.
    pub(super) const LEFT: Self = Self { closing: Some(Closing::new(CloseCode::Normal)), reason: "left" };

    /// The device takes nothing.
    pub(super) const SLOW: Self = Self { closing: Some(Closing::new(CloseCode::Idle)), reason: "slow_reader" };

    /// The gateway is stopping.
    pub(super) const DRAIN: Self = Self { closing: Some(Closing::new(CloseCode::Drain)), reason: "drain" };

    pub(super) const fn stale(current: ConnSeq) -> Self {
        Self { closing: Some(Closing::stale(current)), reason: "stale_connection" }
    }
}

impl From<Closing> for Ending {
    fn from(closing: Closing) -> Self {
        let reason = match closing.code {
            CloseCode::Normal => "normal",
            CloseCode::Superseded => "superseded",
            CloseCode::StaleConnection => "stale_connection",
            CloseCode::Authentication => "authentication",
            CloseCode::Revoked => "revoked",
            CloseCode::Overload => "overload",
            CloseCode::Protocol => "protocol",
            CloseCode::Drain => "drain",
            CloseCode::Idle => "idle",
        };
        Self { closing: Some(closing), reason }
    }
}
