//! Xiaomi Mi Push.
//!
//! Sources: dev.mi.com/xiaomihyperos, documentation pId 1558 (callbacks), 1559 (interface), 1560 (codes), 1656 (limits).

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::{
    Authorization, Callback, CallbackError, CallbackEvent, CredentialError, EncodeError, Exchange, Limits, Operation,
    Surroundings, Vendor,
};

mod callback;
mod conversation;
mod credential;
mod decode;
mod encode;
mod form;

pub use credential::Credential;

/// Registration ids or aliases in one request (pId 1559).
const TARGETS_MAX: usize = 1_000;
/// What the smallest apps are granted (pId 1656). A request counts once, however many devices it names.
const REQUESTS_PER_SECOND: u32 = 500;

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct Xiaomi;

impl Vendor for Xiaomi {
    fn channel(&self) -> Channel {
        Channel::Xiaomi
    }

    fn limits(&self) -> Limits {
        Limits { tokens_max: TARGETS_MAX, requests_per_second: REQUESTS_PER_SECOND, drops_repeats: false }
    }

    fn read_credential(&self, upload: &Value, _: UnixMillis) -> Result<crate::Credential, CredentialError> {
        credential::read(upload).map(crate::Credential::Xiaomi)
    }

    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        around.credential.own::<Credential>().map(|_| Authorization::Static)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        encode::begin(around.credential.own()?, around, operation)
    }

    /// Xiaomi signs nothing: knowing the URL is all there is.
    fn read_callback(
        &self,
        _: &crate::Credential,
        callback: Callback<'_>,
        _: UnixMillis,
    ) -> Result<Vec<CallbackEvent>, CallbackError> {
        callback::read(callback)
    }

    /// Gets 66007 or 20301, after the key and the package were looked at.
    fn token_of_nobody(&self) -> Option<&'static str> {
        Some("nobody")
    }
}

#[cfg(test)]
mod tests;
