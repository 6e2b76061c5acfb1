//! Gateways as others see them: who they are, whether they live, how loaded they are.

use std::fmt;
use std::str::FromStr;

use crate::time::UnixMillis;

/// The 8 bytes in every connection id of a gateway (AWS NLB's QUIC passthrough layout). Kept across restarts of a host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub [u8; 8]);

impl fmt::Display for ServerId {
    /// `0x` and 16 hex digits, the form of an NLB target's `QuicServerId`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ServerId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let hex = text.strip_prefix("0x").filter(|hex| hex.len() == 16).ok_or(())?;
        u64::from_str_radix(hex, 16).map(|id| Self(id.to_be_bytes())).map_err(|_| ())
    }
}

/// One life of one gateway. A restart is another incarnation, and all routes of the old one are void with its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayRef {
    /// Which gateway.
    pub server_id: ServerId,
    /// Which life of it: larger is later.
    pub incarnation: u64,
}

impl fmt::Display for GatewayRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server_id, self.incarnation)
    }
}

/// How busy a gateway is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Live links.
    pub links: u32,
    /// Links it takes at most.
    pub capacity: u32,
}

/// A gateway's promise to be alive until `expires_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who promises.
    pub gateway: GatewayRef,
    /// Host name or address that devices connect to.
    pub host: String,
    /// Port number, the same for QUIC and TCP.
    pub port: u16,
    /// Free text to prefer near gateways; empty when unset.
    pub region: String,
    /// How busy it is.
    pub load: Load,
    /// No new links are sent here.
    pub draining: bool,
    /// Void from here on.
    pub expires_at: UnixMillis,
}

impl Lease {
    /// Whether the gateway may still be believed in at `now`.
    #[must_use]
    pub fn is_valid(&self, now: UnixMillis) -> bool {
        now < self.expires_at
    }
}
