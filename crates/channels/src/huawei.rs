//! Huawei Push Kit: `/v1/{app}` and `/v2/{project}` for Android, `/v3/{project}` for HarmonyOS 5 and later.
//!
//! Sources: Huawei's pages push-jwt-token, push-scenariozed-api-request-struct, push-api-msg-receipt, https-send-receipt-api
//! and its tables of codes.

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::one_request::OneRequest;
use crate::{
    Access, Answers, Authorization, Callback, CallbackError, CallbackEvent, CredentialError, EncodeError, Exchange,
    Limits, Operation, Response, Site, Surroundings, Vendor, client_credentials,
};

mod access;
mod callback;
mod credential;
mod decode;
mod encode;

pub use credential::Credential;

/// Tokens in one request (code 80300010).
const TOKENS_MAX: usize = 1_000;
/// Huawei grants by the number of devices, at least 6,000 messages a second; a request may hold many. What is too much is
/// answered with 503.
const REQUESTS_PER_SECOND: u32 = 1_000;

const PUSH: Site = Site { channel: Channel::Huawei, label: "push", production: "https://push-api.cloud.huawei.com" };
const OAUTH: Site =
    Site { channel: Channel::Huawei, label: "oauth", production: "https://oauth-login.cloud.huawei.com" };

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct Huawei;

impl Vendor for Huawei {
    fn channel(&self) -> Channel {
        Channel::Huawei
    }

    fn limits(&self) -> Limits {
        Limits { tokens_max: TOKENS_MAX, requests_per_second: REQUESTS_PER_SECOND, drops_repeats: false }
    }

    fn read_credential(&self, upload: &Value, _: UnixMillis) -> Result<crate::Credential, CredentialError> {
        credential::read(upload).map(crate::Credential::Huawei)
    }

    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        access::authorize(around.credential.own()?, around)
    }

    fn read_access(&self, response: &Response, now: UnixMillis) -> Result<Access, Box<Answers>> {
        client_credentials::read(response, now)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let (request, targets) = encode::request(around.credential.own()?, around, operation)?;
        Ok(Box::new(OneRequest { request, targets, read: decode::read }))
    }

    fn read_callback(
        &self,
        credential: &crate::Credential,
        callback: Callback<'_>,
        now: UnixMillis,
    ) -> Result<Vec<CallbackEvent>, CallbackError> {
        let credential = credential.own().map_err(|_| CallbackError::Unauthorized)?;
        callback::read(credential, callback, now)
    }

    /// Gets 80300007 (`tokenFormatError` in `/v3`), after the app and its rights were looked at.
    fn token_of_nobody(&self) -> Option<&'static str> {
        Some("nobody")
    }

    fn callback_reply(&self) -> &'static str {
        r#"{"code":"0","message":"success"}"#
    }
}

#[cfg(test)]
mod tests;
