//! Meizu Flyme Push.
//!
//! Source: the vendor's repositories `MEIZUPUSH/PushAPI` (the interface) and `MEIZUPUSH/JavaSdk` (limits).

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::{
    Authorization, Callback, CallbackError, CallbackEvent, CredentialError, EncodeError, Exchange, Limits, Operation,
    Site, Surroundings, Vendor,
};

mod callback;
mod conversation;
mod credential;
mod decode;
mod encode;
mod sign;

#[cfg(test)]
mod tests;

pub use credential::Credential;

/// The vendor's server for pushes.
const SITE: Site = Site { channel: Channel::Meizu, label: "china", production: "https://server-api-push.meizu.com" };

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct Meizu;

impl Vendor for Meizu {
    fn channel(&self) -> Channel {
        Channel::Meizu
    }

    /// 100 ids in a request (1,000, which is often quoted, is older); 200 requests a second unless more was agreed.
    fn limits(&self) -> Limits {
        Limits { tokens_max: encode::TARGETS_MAX, requests_per_second: 200, drops_repeats: false }
    }

    fn read_credential(&self, upload: &Value, _: UnixMillis) -> Result<crate::Credential, CredentialError> {
        Credential::read(upload).map(crate::Credential::Meizu)
    }

    /// Each request is signed by itself.
    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        around.credential.own::<Credential>().map(|_| Authorization::Static)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let credential: &Credential = around.credential.own()?;
        match operation {
            Operation::Push(push) => Ok(Box::new(encode::push(credential, around, push)?)),
            Operation::Subscribe { .. } => Err(EncodeError::Unsupported("subscription by the server")),
            Operation::CreateBroadcastChannel { .. } => Err(EncodeError::Unsupported("broadcast channels")),
            Operation::FetchDeadTokens => Err(EncodeError::Unsupported("list of dead tokens")),
        }
    }

    fn read_callback(
        &self,
        credential: &crate::Credential,
        callback: Callback<'_>,
        _: UnixMillis,
    ) -> Result<Vec<CallbackEvent>, CallbackError> {
        let credential = credential.own().map_err(|_| CallbackError::Unauthorized)?;
        callback::read(credential, callback.body)
    }

    /// Gets 110003, after the signature was looked at.
    fn token_of_nobody(&self) -> Option<&'static str> {
        Some("nobody")
    }
}
