//! What an app has from a vendor.

use std::fmt;
use std::sync::Arc;

use homing_domain::{Channel, UnixMillis};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::exchange::EncodeError;
use crate::{apns, fcm, honor, huawei, meizu, oppo, vivo, webpush, xiaomi};

/// A text that is never shown and is wiped from memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for a request or a signature.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redacted")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// The certificate that requests are made with, where a vendor knows an app by that.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The app's certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: Arc<PrivateKeyDer<'static>>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientIdentity({} certificates)", self.chain.len())
    }
}

/// What is known of a credential and may be shown to anybody who may see the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// `token_key`, `certificate`, `service_account`, `client_secret`, `app_secret`, `vapid`.
    pub kind: &'static str,
    /// What is no secret, by its name in the upload.
    pub public: Vec<(&'static str, String)>,
    /// When it stops being valid, if it says so.
    pub expires_at: Option<UnixMillis>,
}

/// An upload that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct CredentialError {
    /// JSON pointer into the upload.
    pub field: String,
    /// The stable code: `missing`, `invalid`, `unknown_field`, `wrong_password`, `expired`.
    pub code: &'static str,
    /// For a person. Never holds a part of a secret.
    pub message: String,
}

impl CredentialError {
    /// About one field.
    #[must_use]
    pub fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), code, message: message.into() }
    }
}

/// A credential that was read and checked.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Apple's.
    Apns(apns::Credential),
    /// Google's.
    Fcm(fcm::Credential),
    /// Huawei's.
    Huawei(huawei::Credential),
    /// Honor's.
    Honor(honor::Credential),
    /// Xiaomi's.
    Xiaomi(xiaomi::Credential),
    /// OPPO's.
    Oppo(oppo::Credential),
    /// vivo's.
    Vivo(vivo::Credential),
    /// Meizu's.
    Meizu(meizu::Credential),
    /// The key that web push services know an app by.
    WebPush(webpush::Credential),
}

/// One vendor's credential among all.
pub(crate) trait OfVendor: Sized {
    /// If it is that vendor's.
    fn of(credential: &Credential) -> Option<&Self>;
}

macro_rules! of_vendors {
    ($($variant:ident: $vendor:ident),* $(,)?) => {$(
        impl OfVendor for $vendor::Credential {
            fn of(credential: &Credential) -> Option<&Self> {
                match credential {
                    Credential::$variant(own) => Some(own),
                    _ => None,
                }
            }
        }
    )*};
}

of_vendors! {
    Apns: apns,
    Fcm: fcm,
    Huawei: huawei,
    Honor: honor,
    Xiaomi: xiaomi,
    Oppo: oppo,
    Vivo: vivo,
    Meizu: meizu,
    WebPush: webpush,
}

impl Credential {
    /// As the one vendor's whose contract is at work.
    pub(crate) fn own<T: OfVendor>(&self) -> Result<&T, EncodeError> {
        T::of(self).ok_or(EncodeError::Misused("the credential is another channel's"))
    }

    /// Whose it is.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Apns(_) => Channel::Apns,
            Self::Fcm(_) => Channel::Fcm,
            Self::Huawei(_) => Channel::Huawei,
            Self::Honor(_) => Channel::Honor,
            Self::Xiaomi(_) => Channel::Xiaomi,
            Self::Oppo(_) => Channel::Oppo,
            Self::Vivo(_) => Channel::Vivo,
            Self::Meizu(_) => Channel::Meizu,
            Self::WebPush(_) => Channel::WebPush,
        }
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        match self {
            Self::Apns(credential) => credential.summary(),
            Self::Fcm(credential) => credential.summary(),
            Self::Huawei(credential) => credential.summary(),
            Self::Honor(credential) => credential.summary(),
            Self::Xiaomi(credential) => credential.summary(),
            Self::Oppo(credential) => credential.summary(),
            Self::Vivo(credential) => credential.summary(),
            Self::Meizu(credential) => credential.summary(),
            Self::WebPush(credential) => credential.summary(),
        }
    }
}
