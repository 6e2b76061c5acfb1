//! Meizu Flyme Push.
//!
//! Source: the vendor's repositories `MEIZUPUSH/PushAPI` (the interface) and `MEIZUPUSH/JavaSdk` (limits).

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::{
    Access, Answers, Authorization, Callback, CallbackError, CallbackEvent, CredentialError, EncodeError, Exchange,
    Limits, Operation, Outcome, Response, Site, Surroundings, Vendor,
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
        credential(around.credential).map(|_| Authorization::Static).ok_or(OTHER_CHANNEL)
    }

    /// Never asked for.
    fn read_access(&self, _: &Response, _: UnixMillis) -> Result<Access, Box<Answers>> {
        Err(Box::new(Answers::all(&Outcome::of(crate::Class::BadRequest, "no access is needed"), 0)))
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let credential = credential(around.credential).ok_or(OTHER_CHANNEL)?;
        match operation {
            Operation::Push(push) => Ok(Box::new(encode::push(credential, around, push)?)),
            Operation::Subscribe { .. } => Err(EncodeError::Unsupported("subscription by the server")),
            Operation::CreateBroadcastChannel { .. } => Err(EncodeError::Unsupported("broadcast channels")),
            Operation::FetchDeadTokens => Err(EncodeError::Unsupported("list of dead tokens")),
        }
    }

    fn read_callback(
        &self,
        credential_of_app: &crate::Credential,
        callback: Callback<'_>,
        _: UnixMillis,
    ) -> Result<Vec<CallbackEvent>, CallbackError> {
        let credential = credential(credential_of_app).ok_or(CallbackError::Unauthorized)?;
        callback::read(credential, callback.body)
    }
}

const OTHER_CHANNEL: EncodeError = EncodeError::Misused("the credential is another channel's");

fn credential(credential: &crate::Credential) -> Option<&Credential> {
    match credential {
        crate::Credential::Meizu(credential) => Some(credential),
        _ => None,
    }
}
