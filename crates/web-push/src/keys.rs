//! The keys of a subscription: what the sender knows of them, and what the device keeps.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, PrivateKey, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::encoding::{decode_exactly, encode};
use crate::error::Error;

/// A point of P-256, uncompressed: `0x04`, x, y (RFC 8291 section 3.1).
pub const PUBLIC_KEY_BYTES: usize = 65;
/// A scalar of P-256, big-endian.
pub const PRIVATE_KEY_BYTES: usize = 32;
/// The authentication secret that device and sender share (RFC 8291 section 3.2).
pub const AUTH_BYTES: usize = 16;

/// What a sender knows of a device's keys.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionKeys {
    /// The device's public key.
    pub p256dh: [u8; PUBLIC_KEY_BYTES],
    /// The secret that proves a sender has the subscription.
    pub auth: [u8; AUTH_BYTES],
}

impl SubscriptionKeys {
    /// Reads both from base64url, as a browser gives them.
    ///
    /// # Errors
    /// [`Error::Key`] names which is wrong. A public key that is no point of the curve is refused here, not when a message is
    /// to be sent.
    pub fn parse(p256dh: &str, auth: &str) -> Result<Self, Error> {
        let p256dh: [u8; PUBLIC_KEY_BYTES] = decode_exactly(p256dh).ok_or(Error::Key("p256dh"))?;
        let auth = decode_exactly(auth).ok_or(Error::Key("auth"))?;
        check_point(&p256dh, "p256dh")?;
        Ok(Self { p256dh, auth })
    }

    /// The public key in base64url.
    #[must_use]
    pub fn p256dh_text(&self) -> String {
        encode(&self.p256dh)
    }

    /// The secret in base64url.
    #[must_use]
    pub fn auth_text(&self) -> String {
        encode(&self.auth)
    }
}

impl fmt::Debug for SubscriptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionKeys").field("p256dh", &self.p256dh_text()).finish_non_exhaustive()
    }
}

/// What a device keeps of its own subscription.
#[derive(Clone)]
pub struct DeviceKeys {
    private: Zeroizing<[u8; PRIVATE_KEY_BYTES]>,
    public: [u8; PUBLIC_KEY_BYTES],
    auth: Zeroizing<[u8; AUTH_BYTES]>,
}

impl DeviceKeys {
    /// From what was drawn at random or kept from before.
    ///
    /// # Errors
    /// [`Error::Key`]: the number is zero or not below the order of P-256. Of 2³² random ones less than one is.
    pub fn from_private(private: &[u8; PRIVATE_KEY_BYTES], auth: [u8; AUTH_BYTES]) -> Result<Self, Error> {
        let public = public_of_private(private)?;
        Ok(Self { private: Zeroizing::new(*private), public, auth: Zeroizing::new(auth) })
    }

    /// The public key, for the subscription.
    #[must_use]
    pub fn public(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.public
    }

    /// What a sender is told.
    #[must_use]
    pub fn subscription_keys(&self) -> SubscriptionKeys {
        SubscriptionKeys { p256dh: self.public, auth: *self.auth }
    }

    pub(crate) fn private(&self) -> &[u8; PRIVATE_KEY_BYTES] {
        &self.private
    }

    pub(crate) fn auth(&self) -> &[u8; AUTH_BYTES] {
        &self.auth
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKeys").field("public", &encode(&self.public)).finish_non_exhaustive()
    }
}

/// The public key that belongs to a private one: a device's, or a sender's of [`crate::vapid`].
///
/// # Errors
/// [`Error::Key`]: it is no private key of P-256.
pub fn public_of_private(private: &[u8; PRIVATE_KEY_BYTES]) -> Result<[u8; PUBLIC_KEY_BYTES], Error> {
    let public = agreement_key(private)?.compute_public_key().map_err(|_| Error::Key("private key"))?;
    public.as_ref().try_into().map_err(|_| Error::Key("private key"))
}

pub(crate) fn agreement_key(private: &[u8; PRIVATE_KEY_BYTES]) -> Result<PrivateKey, Error> {
    PrivateKey::from_private_key(&ECDH_P256, private).map_err(|_| Error::Key("private key"))
}

pub(crate) fn check_point(point: &[u8; PUBLIC_KEY_BYTES], name: &'static str) -> Result<(), Error> {
    let [0x04, ..] = point else { return Err(Error::Key(name)) };
    ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, &point[..])).map_err(|_| Error::Key(name))?;
    Ok(())
}
