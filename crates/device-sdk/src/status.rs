//! What the link is doing, for the app to show or to log.

use std::time::Duration;

use homing_domain::{ConnSeq, Millis};
use homing_link::Transport;
use homing_link::client::{Closed, Ended, Stop};

/// Why there is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It ended, or did not come up.
    Ended(Ended),
    /// The app dropped it ([`crate::Device::drop_link`]).
    Dropped,
    /// The state store failed; it is read anew before the next try.
    Store,
}

/// The state of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A try is under way.
    Connecting,
    /// The link is live.
    Connected {
        /// What it runs on.
        transport: Transport,
        /// False = the cursor was reset ([`crate::Event::Reset`] says so too).
        resumed: bool,
        /// The connection's number.
        conn_seq: ConnSeq,
        /// The heartbeat's interval in milliseconds.
        heartbeat: Millis,
    },
    /// There is no link until the next try.
    Disconnected {
        /// Why.
        why: Why,
        /// When the next try begins.
        retry_in: Duration,
    },
    /// No more tries: replaced by another installation, or refused.
    Stopped(Stop),
    /// The app closed it.
    Closed,
}

impl Status {
    /// Whether a link is live.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }

    /// Whether nothing will happen any more.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::Closed)
    }

    /// What the gateway said when it closed the link, if it did.
    #[must_use]
    pub const fn closed(&self) -> Option<Closed> {
        match self {
            Self::Disconnected { why: Why::Ended(Ended::Closed(closed)), .. } => Some(*closed),
            _ => None,
        }
    }
}
