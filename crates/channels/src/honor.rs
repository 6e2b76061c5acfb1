//! Honor Push. It resembles Huawei's and is another: no envelope around the message, other names, a header with the time, and
//! another code for "taken".
//!
//! Sources: what independent clients send, and a copy of Honor's table of codes; Honor's own pages were not to be had.

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::json_answer::uri;
use crate::one_request::OneRequest;
use crate::{
    Access, Answers, Authorization, Callback, CallbackError, CallbackEvent, CredentialError, EncodeError, Exchange,
    Limits, Operation, Response, Site, Surroundings, Vendor, client_credentials,
};

mod callback;
mod credential;
mod decode;
mod encode;

pub use credential::Credential;

/// Tokens in one request (code 80300010).
const TOKENS_MAX: usize = 1_000;
/// What Honor is said to take from an app; more is answered with 503.
const REQUESTS_PER_SECOND: u32 = 3_000;

const PUSH: Site = Site { channel: Channel::Honor, label: "push", production: "https://push-api.cloud.honor.com" };
const OAUTH: Site = Site { channel: Channel::Honor, label: "oauth", production: "https://iam.developer.honor.com" };

/// The vendor.
#[derive(Clone, Copy, Debug)]
pub struct Honor;

impl Vendor for Honor {
    fn channel(&self) -> Channel {
        Channel::Honor
    }

    fn limits(&self) -> Limits {
        Limits { tokens_max: TOKENS_MAX, requests_per_second: REQUESTS_PER_SECOND, drops_repeats: false }
    }

    fn read_credential(&self, upload: &Value, _: UnixMillis) -> Result<crate::Credential, CredentialError> {
        credential::read(upload).map(crate::Credential::Honor)
    }

    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
        let credential: &Credential = around.credential.own()?;
        let uri = uri(around.origins.base_url(OAUTH), "/auth/token")?;
        Ok(Authorization::Ask(client_credentials::ask(uri, &credential.client_id, &credential.client_secret)))
    }

    fn read_access(&self, response: &Response, now: UnixMillis) -> Result<Access, Box<Answers>> {
        client_credentials::read(response, now)
    }

    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
        let (request, targets) = encode::request(around.credential.own()?, around, operation)?;
        Ok(Box::new(OneRequest { request, targets, read: decode::read }))
    }

    /// Honor signs nothing that we know of: knowing the URL is all there is.
    fn read_callback(
        &self,
        _: &crate::Credential,
        callback: Callback<'_>,
        _: UnixMillis,
    ) -> Result<Vec<CallbackEvent>, CallbackError> {
        callback::read(callback)
    }

    fn callback_reply(&self) -> &'static str {
        r#"{"code":"0","message":"success"}"#
    }
}

#[cfg(test)]
mod tests;
