//! Encryption of what apps entrust to an installation: vendors' keys and secrets.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::fleet_secret::FleetSecret;

/// Random bytes that each sealing needs.
pub const NONCE_BYTES: usize = 12;

/// What was sealed cannot be opened: another key, another holder, or it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored credential cannot be decrypted: was the fleet secret replaced?")]
pub struct SealError;

fn key(fleet: &FleetSecret) -> LessSafeKey {
    let bytes = Zeroizing::new(fleet.derive("credentials", b""));
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes[..]).expect("the key of AES-256 has 32 bytes"))
}

/// Seals for one holder (`"demo/apns"`): AES-256-GCM with the nonce in front.
#[must_use]
pub fn seal(fleet: &FleetSecret, holder: &str, nonce: [u8; NONCE_BYTES], plaintext: &[u8]) -> Vec<u8> {
    let mut sealed = plaintext.to_vec();
    key(fleet)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(holder.as_bytes()), &mut sealed)
        .expect("AES-GCM seals any text below 64 GiB");
    [&nonce[..], &sealed].concat()
}

/// Opens what was sealed for this holder.
///
/// # Errors
/// [`SealError`].
pub fn open(fleet: &FleetSecret, holder: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
    let mut plaintext = Zeroizing::new(rest.to_vec());
    let opened =
        key(fleet).open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(holder.as_bytes()), &mut plaintext);
    let length = opened.map_err(|_| SealError)?.len();
    plaintext.truncate(length);
    Ok(plaintext)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_fleet_opens_it_for_the_same_holder_and_unchanged() {
        let fleet = FleetSecret::new([7; 32]);
        let sealed = seal(&fleet, "demo/apns", [1; 12], b"-----BEGIN");
        assert_eq!(&open(&fleet, "demo/apns", &sealed).unwrap()[..], b"-----BEGIN");
        assert!(!sealed.windows(5).any(|part| part == b"BEGIN"));
        assert_eq!(open(&fleet, "other/apns", &sealed), Err(SealError));
        assert_eq!(open(&FleetSecret::new([8; 32]), "demo/apns", &sealed), Err(SealError));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&fleet, "demo/apns", &changed), Err(SealError));
        }
        assert_eq!(open(&fleet, "demo/apns", &sealed[..5]), Err(SealError));
    }
}
