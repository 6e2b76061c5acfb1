//! What vendors tell later.

use homing_domain::UnixMillis;

/// A request that a vendor sent to the endpoint of an app's channel.
#[derive(Clone, Copy, Debug)]
pub struct Callback<'a> {
    /// Its headers.
    pub headers: &'a http::HeaderMap,
    /// Its body, at most 1 MiB.
    pub body: &'a [u8],
}

/// What became of a message at a device, as its vendor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallbackEventKind {
    /// It arrived.
    Delivered,
    /// It was shown.
    Displayed,
    /// A person opened it.
    Opened,
    /// The token is dead.
    InvalidToken,
    /// The vendor did not bring it, or not show it.
    Dropped,
}

impl CallbackEventKind {
    /// The stable name in logs, metrics and test vectors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::InvalidToken => "invalid_token",
            Self::Dropped => "dropped",
        }
    }
}

/// One event of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackEvent {
    /// Our id of the message, if the vendor gave it back.
    pub message_id: Option<String>,
    /// The vendor's.
    pub vendor_id: Option<String>,
    /// Whose.
    pub token: String,
    /// What happened.
    pub kind: CallbackEventKind,
    /// When, if the vendor says so.
    pub at: Option<UnixMillis>,
    /// The vendor's own code, for people.
    pub reason: String,
}

/// A callback that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// It does not come from the vendor: 401.
    #[error("the signature is missing or wrong")]
    Unauthorized,
    /// It cannot be read: 400.
    #[error("{0}")]
    Malformed(String),
    /// This vendor sends none: 404.
    #[error("this vendor sends no receipts")]
    Unsupported,
}
