//! What a link runs on.

use std::fmt;

/// The two transports, which carry the same frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// QUIC v1.
    Quic,
    /// TLS 1.3 over TCP.
    Tcp,
}

impl Transport {
    /// The stable name in logs, metrics and settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
