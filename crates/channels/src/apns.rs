//! Apple Push Notification service: HTTP/2, one device a request, no receipts.
//!
//! Sources: "Sending notification requests to APNs", "Handling notification responses from APNs", "Establishing a token-based
//! connection to APNs" and "Sending broadcast push notification requests to APNs" in Apple's developer documentation.

mod access;
mod certificate;
mod credential;
mod decode;
mod encode;
mod payload;
mod push_type;
#[cfg(test)]
mod tests;

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

pub use credential::{Credential, Environment};

use crate::{Authorization, CredentialError, EncodeError, Exchange, Limits, Operation, Surroundings, Vendor};

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct Apns;

impl Vendor for Apns {
    fn channel(&self) -> Channel {
        Channel::Apns
    }

    fn limits(&self) -> Limits {
        // Apple publishes no rate: this is what a few connections of a thousand streams carry with ease.
        Limits { tokens_max: 1, requests_per_second: 2_000, drops_repeats: false }
    }

    fn read_credential(&self, upload: &Value, now: UnixMillis) -> Result<crate::Credential, CredentialError> {
        Credential::read(upload, now).map(crate::Credential::Apns)
    }

    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        access::authorize(around.credential.own()?, around.now)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let exchange = match operation {
            Operation::Push(push) => encode::push(around.credential.own()?, around, push)?,
            Operation::CreateBroadcastChannel { message_storage_policy } => {
                encode::create_broadcast_channel(around.credential.own()?, around, *message_storage_policy)?
            }
            Operation::Subscribe { .. } => return Err(EncodeError::Unsupported("topics")),
            Operation::FetchDeadTokens => return Err(EncodeError::Unsupported("list of dead tokens")),
        };
        Ok(Box::new(exchange))
    }

    /// A token has whole bytes: half of one gets `BadDeviceToken`, after the key and the topic were looked at.
    fn token_of_nobody(&self) -> Option<&'static str> {
        Some("0")
    }
}
