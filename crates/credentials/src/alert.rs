//! Signatures of what an installation tells its apps' owners, so that a webhook knows who calls.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::fleet_secret::FleetSecret;

/// What an app's alerts are signed with: 256 bits as text. Derived, so nothing is stored.
#[must_use]
pub fn alert_key(fleet: &FleetSecret, app: &str) -> String {
    URL_SAFE_NO_PAD.encode(fleet.derive("alerts", app.as_bytes()))
}

/// HMAC-SHA256 over a body, in hexadecimal digits. The key is the text as [`alert_key`] gives it, so that whoever checks it
/// decodes nothing.
#[must_use]
pub fn sign_alert(key: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body);
    tag.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        // RFC 4231, test case 2.
        let signature = sign_alert("Jefe", b"what do ya want for nothing?");
        assert_eq!(signature, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn each_app_has_its_own_key() {
        let fleet = FleetSecret::new([7; 32]);
        assert_eq!(alert_key(&fleet, "shop").len(), 43);
        assert_ne!(alert_key(&fleet, "shop"), alert_key(&fleet, "demo"));
        assert_ne!(alert_key(&fleet, "shop"), alert_key(&FleetSecret::new([8; 32]), "shop"));
    }
}
