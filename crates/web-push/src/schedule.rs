//! From two keys, a secret and a salt to the key and the nonces of a message (RFC 8291 section 3.4, RFC 8188 section 2.2).

use aws_lc_rs::aead::{AES_128_GCM, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::keys::{AUTH_BYTES, PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES, agreement_key};

/// Random bytes at the head of each message.
pub const SALT_BYTES: usize = 16;
/// What AES-GCM adds to each record.
pub(crate) const TAG_BYTES: usize = 16;
/// Salt, record size, and the length of the key id.
pub(crate) const FIXED_HEADER_BYTES: usize = SALT_BYTES + 4 + 1;

/// Both public keys, of which each end knows which is its own.
pub(crate) struct Parties<'a> {
    pub(crate) device: &'a [u8; PUBLIC_KEY_BYTES],
    pub(crate) sender: &'a [u8; PUBLIC_KEY_BYTES],
    pub(crate) auth: &'a [u8; AUTH_BYTES],
}

/// What the records of one message are sealed with.
pub(crate) struct Schedule {
    pub(crate) key: LessSafeKey,
    base_nonce: [u8; NONCE_LEN],
}

impl Schedule {
    /// Agrees with the other end.
    pub(crate) fn agree(
        own_private: &[u8; PRIVATE_KEY_BYTES],
        their_public: &[u8; PUBLIC_KEY_BYTES],
        parties: &Parties<'_>,
        salt: &[u8; SALT_BYTES],
    ) -> Result<Self, Error> {
        let own = agreement_key(own_private)?;
        let theirs = UnparsedPublicKey::new(&ECDH_P256, &their_public[..]);
        agree(&own, theirs, Error::Key("public key"), |shared| {
            let input = expand::<32>(parties.auth, shared, &[b"WebPush: info\0", parties.device, parties.sender]);
            let key = expand::<16>(salt, &input[..], &[b"Content-Encoding: aes128gcm\0"]);
            let base_nonce = *expand::<NONCE_LEN>(salt, &input[..], &[b"Content-Encoding: nonce\0"]);
            let key = UnboundKey::new(&AES_128_GCM, &key[..]).map_err(|_| Error::Undecryptable)?;
            Ok(Self { key: LessSafeKey::new(key), base_nonce })
        })
    }

    /// The nonce of a record, counted from 0 (RFC 8188 section 2.3).
    pub(crate) fn nonce(&self, record: u32) -> Nonce {
        let mut nonce = self.base_nonce;
        let [.., a, b, c, d] = &mut nonce;
        for (byte, count) in [a, b, c, d].into_iter().zip(record.to_be_bytes()) {
            *byte ^= count;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(salt: &[u8], input: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut output = Zeroizing::new([0; N]);
    let extracted = Salt::new(HKDF_SHA256, salt).extract(input);
    let expanded = extracted.expand(info, Length(N)).and_then(|material| material.fill(&mut output[..]));
    expanded.expect("HKDF-SHA256 gives up to 8,160 bytes");
    output
}
