//! Keys that device secrets derive from, and the secrets themselves.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use homing_domain::{AppId, DeviceId};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::fields::mac;
use crate::fleet_secret::FleetSecret;
use crate::text::{InvalidSecretText, decode_32, encode};

/// The keys name no current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no device key {0}, which is to be the current one")]
pub struct DeviceKeysError(pub u32);

/// The fleet's keys for device secrets, by id. New devices get the current one; older ones stay so that devices keep
/// their secrets.
#[derive(Clone)]
pub struct DeviceKeys {
    current: u32,
    keys: BTreeMap<u32, Zeroizing<[u8; 32]>>,
}

impl DeviceKeys {
    /// From stored keys.
    ///
    /// # Errors
    /// [`DeviceKeysError`] when the current one is not among them.
    pub fn new(current: u32, keys: impl IntoIterator<Item = (u32, [u8; 32])>) -> Result<Self, DeviceKeysError> {
        let keys: BTreeMap<_, _> = keys.into_iter().map(|(id, key)| (id, Zeroizing::new(key))).collect();
        if keys.contains_key(&current) { Ok(Self { current, keys }) } else { Err(DeviceKeysError(current)) }
    }

    /// Keys 1 to `current`, derived from the fleet secret.
    #[must_use]
    pub fn derived(secret: &FleetSecret, current: u32) -> Self {
        let current = current.max(1);
        let keys = (1..=current).map(|id| (id, Zeroizing::new(secret.derive("device", &id.to_be_bytes())))).collect();
        Self { current, keys }
    }

    /// Which key new devices get.
    #[must_use]
    pub const fn current(&self) -> u32 {
        self.current
    }

    /// The secret of a device: computed, never stored. `None` = there is no such key.
    #[must_use]
    pub fn device_secret(
        &self,
        key_id: u32,
        app: &AppId,
        device: DeviceId,
        credential_generation: u32,
    ) -> Option<DeviceSecret> {
        let fields: [&[u8]; 3] = [app.as_str().as_bytes(), device.as_bytes(), &credential_generation.to_be_bytes()];
        self.keys.get(&key_id).map(|key| DeviceSecret::new(mac(key, "homing/1 device secret", &fields)))
    }

    /// Thirty-two bytes that nobody without the fleet's current key can guess and that a repeat finds again: for keys of
    /// apps that an Idempotency-Key stands for.
    #[must_use]
    pub fn derived_secret(&self, label: &str, fields: &[&[u8]]) -> [u8; 32] {
        let key = self.key(self.current).expect("the current key is one of the keys: both constructors see to it");
        mac(key, label, fields)
    }

    pub(crate) fn key(&self, key_id: u32) -> Option<&[u8; 32]> {
        self.keys.get(&key_id).map(|key| &**key)
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKeys(current {}, {} keys redacted)", self.current, self.keys.len())
    }
}

/// What a device proves itself with. Its text form is base64url. Equality takes constant time.
#[derive(Clone)]
pub struct DeviceSecret(Zeroizing<[u8; 32]>);

impl DeviceSecret {
    /// Takes the bytes as they are.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text form, which is a secret too.
    #[must_use]
    pub fn to_text(&self) -> String {
        encode(&self.0[..])
    }
}

impl PartialEq for DeviceSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0[..]).into()
    }
}

impl Eq for DeviceSecret {}

impl FromStr for DeviceSecret {
    type Err = InvalidSecretText;
    fn from_str(text: &str) -> Result<Self, InvalidSecretText> {
        decode_32(text).map(Self::new)
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> DeviceKeys {
        DeviceKeys::new(2, [(1, [1; 32]), (2, [2; 32])]).unwrap()
    }

    fn secret(keys: &DeviceKeys, app: &str, generation: u32) -> DeviceSecret {
        keys.device_secret(1, &app.parse().unwrap(), DeviceId::from_bytes([9; 16]), generation).unwrap()
    }

    #[test]
    fn known_answer() {
        assert_eq!(secret(&keys(), "demo", 3).to_text(), "yVn_Def9OyLOoWbvsdA-ZHE8L2lfQG38tewfiuxJTFY");
    }

    #[test]
    fn every_input_counts() {
        let one = secret(&keys(), "demo", 3);
        assert_ne!(one, secret(&keys(), "demo", 4));
        assert_ne!(one, secret(&keys(), "other", 3));
        let device = DeviceId::from_bytes([9; 16]);
        assert_ne!(one, keys().device_secret(2, &"demo".parse().unwrap(), device, 3).unwrap());
        assert_eq!(keys().device_secret(3, &"demo".parse().unwrap(), device, 3), None);
    }

    #[test]
    fn the_text_form_reads_back() {
        let one = secret(&keys(), "demo", 3);
        assert_eq!(one.to_text().parse(), Ok(one));
        assert_eq!("short".parse::<DeviceSecret>(), Err(InvalidSecretText));
    }

    #[test]
    fn the_current_key_must_be_there() {
        assert_eq!(DeviceKeys::new(3, [(1, [1; 32])]).unwrap_err(), DeviceKeysError(3));
        let derived = DeviceKeys::derived(&FleetSecret::new([7; 32]), 2);
        assert_eq!(derived.current(), 2);
        assert!(derived.key(1).is_some() && derived.key(2) != derived.key(1) && derived.key(3).is_none());
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", keys()), "DeviceKeys(current 2, 2 keys redacted)");
        assert_eq!(format!("{:?}", secret(&keys(), "demo", 3)), "DeviceSecret(redacted)");
    }
}
