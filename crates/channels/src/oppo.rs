//! OPPO PUSH (`HeyTap`), for OPPO, `OnePlus` and realme phones.
//!
//! Source: `open.oppomobile.com` (URLs, common parameters, codes, unicast) and the vendor's Java SDK (limits, regions).

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::{
    Access, Answers, Authorization, Callback, CallbackError, CallbackEvent, CredentialError, EncodeError, Exchange,
    Limits, Operation, Response, Surroundings, Vendor,
};

mod access;
mod callback;
mod conversation;
mod credential;
mod decode;
mod encode;
mod region;

#[cfg(test)]
mod tests;

pub use credential::Credential;
pub use region::Region;

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct Oppo;

impl Vendor for Oppo {
    fn channel(&self) -> Channel {
        Channel::Oppo
    }

    /// 1,000 ids in a batch; 5,000 requests a second for the smallest apps; a repeat of an `app_message_id` is dropped.
    fn limits(&self) -> Limits {
        Limits { tokens_max: encode::TOKENS_MAX, requests_per_second: 5_000, drops_repeats: true }
    }

    fn read_credential(&self, upload: &Value, _: UnixMillis) -> Result<crate::Credential, CredentialError> {
        Credential::read(upload).map(crate::Credential::Oppo)
    }

    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        access::ask(around.credential.own()?, around).map(Authorization::Ask)
    }

    fn read_access(&self, response: &Response, now: UnixMillis) -> Result<Access, Box<Answers>> {
        access::read(response, now)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let credential: &Credential = around.credential.own()?;
        let access = around.access.ok_or(EncodeError::Misused("access is missing"))?;
        let conversation = match operation {
            Operation::Push(push) => encode::push(credential, access, around, push)?,
            Operation::FetchDeadTokens => encode::fetch_dead_tokens(access, around)?,
            Operation::Subscribe { .. } => return Err(EncodeError::Unsupported("subscription by the server")),
            Operation::CreateBroadcastChannel { .. } => return Err(EncodeError::Unsupported("broadcast channels")),
        };
        Ok(Box::new(conversation))
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
