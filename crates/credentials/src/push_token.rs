//! Push tokens: what an app's own server is given to address a device. Sendable-to, not connectable-as.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing_domain::{AppId, DeviceId};
use subtle::ConstantTimeEq;

use crate::device_keys::DeviceKeys;
use crate::fields::mac;

/// How every push token begins.
pub const PUSH_TOKEN_PREFIX: &str = "hmp_";
/// 96 bits: a forged token would only let a sender address a device of its own app whose id it guessed.
const CODE_BYTES: usize = 12;

impl DeviceKeys {
    /// The push token of a device: its id, which key, and a code over both and the app. `None` = there is no such key.
    #[must_use]
    pub fn push_token(&self, key_id: u32, app: &AppId, device: DeviceId) -> Option<String> {
        let mut bytes = Vec::with_capacity(16 + 4 + CODE_BYTES);
        bytes.extend_from_slice(device.as_bytes());
        bytes.extend_from_slice(&key_id.to_be_bytes());
        bytes.extend_from_slice(&self.code(key_id, app, device)?);
        let mut text = PUSH_TOKEN_PREFIX.to_owned();
        let _infallible = write!(text, "{}", URL_SAFE_NO_PAD.encode(bytes));
        Some(text)
    }

    /// The device that a push token of this app names. `None` = it is not one of ours, or of another app.
    #[must_use]
    pub fn verify_push_token(&self, app: &AppId, token: &str) -> Option<DeviceId> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PUSH_TOKEN_PREFIX)?).ok()?;
        let (device, rest) = bytes.split_first_chunk::<16>()?;
        let (key_id, code) = rest.split_first_chunk::<4>()?;
        let device = DeviceId::from_bytes(*device);
        let expected = self.code(u32::from_be_bytes(*key_id), app, device)?;
        bool::from(expected[..].ct_eq(code)).then_some(device)
    }

    fn code(&self, key_id: u32, app: &AppId, device: DeviceId) -> Option<[u8; CODE_BYTES]> {
        let full = mac(self.key(key_id)?, "homing/1 push token", &[app.as_str().as_bytes(), device.as_bytes()]);
        let mut code = [0; CODE_BYTES];
        code.copy_from_slice(&full[..CODE_BYTES]);
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_device_to_its_app_only() {
        let keys = DeviceKeys::new(1, [(1, [1; 32])]).unwrap();
        let (app, other) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let device = DeviceId::from_bytes([9; 16]);
        let token = keys.push_token(1, &app, device).unwrap();
        assert_eq!(token, "hmp_CQkJCQkJCQkJCQkJCQkJCQAAAAHNlITg0UVlELj6LkE");
        assert_eq!(keys.verify_push_token(&app, &token), Some(device));
        assert_eq!(keys.verify_push_token(&other, &token), None);
        for bad in [
            "",
            "hmp_",
            "hms_x",
            token.strip_suffix(|_: char| true).unwrap(),
            &token.replace("hmp_C", "hmp_D"),
            &format!("{token}A"),
        ] {
            assert_eq!(keys.verify_push_token(&app, bad), None, "{bad}");
        }
        assert_eq!(keys.push_token(2, &app, device), None);
    }
}
