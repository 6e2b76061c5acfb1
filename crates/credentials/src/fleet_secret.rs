//! The one secret that all gateways and functions of an installation share.

use std::fmt;

use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

/// From it every other key of the fleet derives. Wiped from memory when dropped, never shown.
#[derive(Clone)]
pub struct FleetSecret(Zeroizing<[u8; 32]>);

impl FleetSecret {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, to be stored.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for one purpose (`label`: `"stateless-reset"`, `"ticket"`, `"retry"`, `"device"`) and one holder or period
    /// (`info`): HKDF-SHA256.
    #[must_use]
    pub fn derive(&self, label: &str, info: &[u8]) -> [u8; 32] {
        let pseudo_random_key = hkdf::Salt::new(hkdf::HKDF_SHA256, b"homing/1 fleet").extract(&self.0[..]);
        let length = u32::try_from(label.len()).unwrap_or(u32::MAX).to_be_bytes();
        let info: [&[u8]; 3] = [&length, label.as_bytes(), info];
        let mut key = [0; 32];
        pseudo_random_key
            .expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("HKDF-SHA256 gives 32 bytes for any input");
        key
    }
}

impl fmt::Debug for FleetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FleetSecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        // Computed with another implementation of HKDF (RFC 5869).
        let key = FleetSecret::new([7; 32]).derive("ticket", b"1");
        assert_eq!(crate::encode(&key), "JRvkDtio7JDy0D6QSL5hFqFLVq3n2HgQ2ymMW-Re7g4");
    }

    #[test]
    fn labels_and_infos_do_not_run_together() {
        let secret = FleetSecret::new([7; 32]);
        assert_ne!(secret.derive("ab", b"c"), secret.derive("a", b"bc"));
    }

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", FleetSecret::new([7; 32])), "FleetSecret(redacted)");
    }
}
