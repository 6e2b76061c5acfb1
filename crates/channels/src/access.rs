//! What requests to a vendor are authorised with.

use std::fmt;

use homing_domain::UnixMillis;
use zeroize::Zeroizing;

use crate::exchange::Request;

/// Something short-lived that authorises requests: a token that the vendor gave for the credential, or one signed here.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// As it stands in the request.
    pub token: Zeroizing<String>,
    /// When it was made.
    pub since: UnixMillis,
    /// From when on another is to be taken: some time before the vendor stops to accept it.
    pub renew_at: UnixMillis,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("since", &self.since).field("renew_at", &self.renew_at).finish_non_exhaustive()
    }
}

/// How access is had.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one lives at a time, as long as it takes to look at it")]
pub enum Authorization {
    /// The credential itself authorises each request.
    Static,
    /// It is signed here.
    Signed(Access),
    /// The vendor gives it for this request: see [`crate::Vendor::read_access`].
    Ask(Request),
}
