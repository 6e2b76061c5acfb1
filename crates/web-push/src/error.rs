//! The one error of this crate. It names what is wrong and holds no part of a key or a message.

/// Why something could not be read, made or trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A key or secret is no base64url, has another length, or is no point of P-256.
    #[error("a key of Web Push is malformed: {0}")]
    Key(&'static str),
    /// A subscription is no JSON of the form that browsers give.
    #[error("a subscription is malformed: {0}")]
    Subscription(&'static str),
    /// The plaintext does not fit one message, or the body is longer than anybody may send.
    #[error("a message of Web Push is too large")]
    TooLarge,
    /// The body has no valid header, or its records do not end as they must.
    #[error("a message of Web Push is malformed: {0}")]
    Malformed(&'static str),
    /// It was encrypted for another device, or changed.
    #[error("a message of Web Push cannot be decrypted")]
    Undecryptable,
    /// The identification of a sender is malformed.
    #[error("the VAPID identification is malformed: {0}")]
    Identification(&'static str),
    /// The signature is not that of the named key.
    #[error("the VAPID signature is wrong")]
    Signature,
    /// It is for another push service.
    #[error("the VAPID identification is for another audience")]
    Audience,
    /// It is valid no more, or for longer than 24 hours.
    #[error("the VAPID identification is expired, or lives too long")]
    Expiry,
}
