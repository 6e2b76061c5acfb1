//! vivo Push, for vivo and iQOO phones.
//!
//! Source: `dev.vivo.com.cn`, the push server API (auth, single and list sends, return codes, receipts).

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::{
    Access, Answers, Authorization, Callback, CallbackError, CallbackEvent, CredentialError, EncodeError, Exchange,
    Limits, Operation, Response, Site, Surroundings, Vendor,
};

mod access;
mod callback;
mod conversation;
mod credential;
mod decode;
mod encode;

#[cfg(test)]
mod tests;

pub use credential::Credential;

/// The vendor's one server.
const SITE: Site = Site { channel: Channel::Vivo, label: "china", production: "https://api-push.vivo.com.cn" };

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct Vivo;

impl Vendor for Vivo {
    fn channel(&self) -> Channel {
        Channel::Vivo
    }

    /// 1,000 ids in a list; 3,000 requests a second for the smallest apps; a repeat of a `requestId` is dropped.
    fn limits(&self) -> Limits {
        Limits { tokens_max: encode::TOKENS_MAX, requests_per_second: 3_000, drops_repeats: true }
    }

    fn read_credential(&self, upload: &Value, _: UnixMillis) -> Result<crate::Credential, CredentialError> {
        Credential::read(upload).map(crate::Credential::Vivo)
    }

    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        access::ask(around.credential.own()?, around).map(Authorization::Ask)
    }

    fn read_access(&self, response: &Response, now: UnixMillis) -> Result<Access, Box<Answers>> {
        access::read(response, now)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let access = around.access.ok_or(EncodeError::Misused("access is missing"))?;
        match operation {
            Operation::Push(push) => Ok(Box::new(encode::push(access, around, push)?)),
            Operation::Subscribe { .. } => Err(EncodeError::Unsupported("subscription by the server")),
            Operation::CreateBroadcastChannel { .. } => Err(EncodeError::Unsupported("broadcast channels")),
            Operation::FetchDeadTokens => Err(EncodeError::Unsupported("list of dead tokens")),
        }
    }

    /// Nothing is signed: only the URL is a secret.
    fn read_callback(
        &self,
        _: &crate::Credential,
        callback: Callback<'_>,
        _: UnixMillis,
    ) -> Result<Vec<CallbackEvent>, CallbackError> {
        callback::read(callback.body)
    }
}
