//! What the vendors have in common.

use homing_domain::{Channel, UnixMillis};
use serde_json::Value;

use crate::access::{Access, Authorization};
use crate::callback::{Callback, CallbackError, CallbackEvent};
use crate::credential::{Credential, CredentialError};
use crate::exchange::{EncodeError, Exchange, Operation, Response, Surroundings};
use crate::outcome::{Answers, Class, Outcome};
use crate::{apns, fcm, honor, huawei, meizu, oppo, vivo, webpush, xiaomi};

/// What a vendor takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens in one request.
    pub tokens_max: usize,
    /// Requests a second for an app of which nothing else is known.
    pub requests_per_second: u32,
    /// Whether a repeat of a request id is dropped by the vendor, so that a request whose answer was lost may be repeated.
    pub drops_repeats: bool,
}

/// A vendor's contract. All of it is pure.
pub trait Vendor: Sync {
    /// Its channel.
    fn channel(&self) -> Channel;

    /// What it takes.
    fn limits(&self) -> Limits;

    /// Reads and checks what an operator uploaded.
    ///
    /// # Errors
    /// [`CredentialError`] names the field.
    fn read_credential(&self, upload: &Value, now: UnixMillis) -> Result<Credential, CredentialError>;

    /// How requests are authorised. Uses of [`Surroundings::access`] are not made here.
    ///
    /// # Errors
    /// [`EncodeError`]: the credential is another vendor's, or cannot sign.
    fn authorize(&self, around: &Surroundings<'_>) -> Result<Authorization, EncodeError>;

    /// Reads the answer to [`Authorization::Ask`].
    ///
    /// # Errors
    /// What the answer means when it brings no access.
    fn read_access(&self, _response: &Response, _now: UnixMillis) -> Result<Access, Box<Answers>> {
        // A vendor that gives no access is not asked for any.
        Err(Box::new(Answers::all(&Outcome::of(Class::AuthError, "unasked"), 0)))
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// [`EncodeError`]: nothing was sent.
    fn begin(&self, around: &Surroundings<'_>, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError>;

    /// Reads what the vendor tells later.
    ///
    /// # Errors
    /// [`CallbackError`].
    fn read_callback(
        &self,
        _credential: &Credential,
        _callback: Callback<'_>,
        _now: UnixMillis,
    ) -> Result<Vec<CallbackEvent>, CallbackError> {
        Err(CallbackError::Unsupported)
    }

    /// A token that no device can have, to try a credential out with nobody to hear it: see [`crate::check`]. `None` = the
    /// vendor's documents do not say what it answers to one, or there is no server that knows the app.
    fn token_of_nobody(&self) -> Option<&'static str> {
        None
    }

    /// What the vendor wants to hear when its callback was taken, as JSON.
    fn callback_reply(&self) -> &'static str {
        "{}"
    }
}

/// The vendor of a channel. `None` = the channel is the own link.
#[must_use]
pub fn vendor(channel: Channel) -> Option<&'static dyn Vendor> {
    Some(match channel {
        Channel::Own => return None,
        Channel::Apns => &apns::Apns,
        Channel::Fcm => &fcm::Fcm,
        Channel::Huawei => &huawei::Huawei,
        Channel::Honor => &honor::Honor,
        Channel::Xiaomi => &xiaomi::Xiaomi,
        Channel::Oppo => &oppo::Oppo,
        Channel::Vivo => &vivo::Vivo,
        Channel::Meizu => &meizu::Meizu,
        Channel::WebPush => &webpush::WebPush,
    })
}
