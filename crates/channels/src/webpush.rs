//! Web Push: whatever service a browser subscribed at (RFC 8030), the message encrypted for it (RFC 8291), the sender
//! identified by a key (RFC 8292).

mod credential;
mod decode;
mod encode;
mod endpoint;
mod message;
#[cfg(test)]
mod tests;

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

pub use credential::Credential;

use crate::{Authorization, CredentialError, EncodeError, Exchange, Limits, Operation, Surroundings, Vendor};

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct WebPush;

impl Vendor for WebPush {
    fn channel(&self) -> Channel {
        Channel::WebPush
    }

    fn limits(&self) -> Limits {
        // Services publish no rate, and answer 429 when it is too much.
        Limits { tokens_max: 1, requests_per_second: 1_000, drops_repeats: false }
    }

    fn read_credential(&self, upload: &Value, _: UnixMillis) -> Result<crate::Credential, CredentialError> {
        Credential::read(upload).map(crate::Credential::WebPush)
    }

    /// Each request is signed for its own service: access that holds for one is refused by all others. A signature costs some
    /// 50 µs, less than the encryption of the message beside it.
    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        around.credential.own::<Credential>().map(|_| Authorization::Static)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        match operation {
            Operation::Push(push) => Ok(Box::new(encode::push(around.credential.own()?, around, push)?)),
            Operation::Subscribe { .. } => Err(EncodeError::Unsupported("topics")),
            Operation::CreateBroadcastChannel { .. } => Err(EncodeError::Unsupported("broadcast channels")),
            Operation::FetchDeadTokens => Err(EncodeError::Unsupported("list of dead tokens")),
        }
    }
}
