//! Firebase Cloud Messaging, HTTP v1: one target a request, OAuth by a service account, no receipts.
//!
//! Sources: "Send a message using FCM HTTP v1 API", "FCM error codes" and "Throttling and quotas" at firebase.google.com,
//! "Using OAuth 2.0 for server to server applications" at developers.google.com.

mod access;
mod credential;
mod decode;
mod encode;
mod message;
#[cfg(test)]
mod tests;

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

pub use credential::Credential;

use crate::{
    Access, Answers, Authorization, CredentialError, EncodeError, Exchange, Limits, Operation, Response, Surroundings,
    Vendor, client_credentials,
};

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct Fcm;

impl Vendor for Fcm {
    fn channel(&self) -> Channel {
        Channel::Fcm
    }

    fn limits(&self) -> Limits {
        // "Throttling and quotas": 600,000 messages a minute for a project; a sixth is left for its other senders.
        Limits { tokens_max: 1, requests_per_second: 8_000, drops_repeats: false }
    }

    fn read_credential(&self, upload: &Value, _: UnixMillis) -> Result<crate::Credential, CredentialError> {
        Credential::read(upload).map(crate::Credential::Fcm)
    }

    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        access::ask(around.credential.own()?, around.origins, around.now).map(Authorization::Ask)
    }

    fn read_access(&self, response: &Response, now: UnixMillis) -> Result<Access, Box<Answers>> {
        client_credentials::read(response, now)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let exchange = match operation {
            Operation::Push(push) => encode::push(around.credential.own()?, around, push)?,
            Operation::Subscribe { topic, tokens } => {
                around.credential.own::<Credential>()?;
                encode::subscribe(around, topic, tokens)?
            }
            Operation::CreateBroadcastChannel { .. } => return Err(EncodeError::Unsupported("broadcast channels")),
            Operation::FetchDeadTokens => return Err(EncodeError::Unsupported("list of dead tokens")),
        };
        Ok(Box::new(exchange))
    }

    /// Gets `INVALID_ARGUMENT`, after the project and its rights were looked at.
    fn token_of_nobody(&self) -> Option<&'static str> {
        Some("nobody")
    }
}
