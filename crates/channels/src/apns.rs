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
#[cfg(test)]
mod tests;

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

pub use credential::{Credential, Environment};

use crate::{
    Access, Answers, Authorization, Callback, CallbackError, CallbackEvent, Class, CredentialError, EncodeError,
    Exchange, Limits, Operation, Outcome, Response, Surroundings, Vendor,
};

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
        access::authorize(of(around)?, around.now)
    }

    fn read_access(&self, _: &Response, _: UnixMillis) -> Result<Access, Box<Answers>> {
        // Apple gives no access: it is signed here, and nobody asks.
        Err(Box::new(Answers::all(&Outcome::of(Class::AuthError, "unasked"), 0)))
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let exchange = match operation {
            Operation::Push(push) => encode::push(of(around)?, around, push)?,
            Operation::CreateBroadcastChannel { message_storage_policy } => {
                encode::create_broadcast_channel(of(around)?, around, *message_storage_policy)?
            }
            Operation::Subscribe { .. } => return Err(EncodeError::Unsupported("topics")),
            Operation::FetchDeadTokens => return Err(EncodeError::Unsupported("list of dead tokens")),
        };
        Ok(Box::new(exchange))
    }

    fn read_callback(
        &self,
        _: &crate::Credential,
        _: Callback<'_>,
        _: UnixMillis,
    ) -> Result<Vec<CallbackEvent>, CallbackError> {
        Err(CallbackError::Unsupported)
    }
}

fn of<'a>(around: &Surroundings<'a>) -> Result<&'a Credential, EncodeError> {
    match around.credential {
        crate::Credential::Apns(credential) => Ok(credential),
        _ => Err(EncodeError::Misused("the credential is not Apple's")),
    }
}
