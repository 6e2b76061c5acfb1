//! The sender's half of message encryption.

use aws_lc_rs::aead::Aad;

use crate::error::Error;
use crate::keys::{PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES, SubscriptionKeys, public_of_private};
use crate::schedule::{FIXED_HEADER_BYTES, Parties, SALT_BYTES, Schedule, TAG_BYTES};

/// The record size that is written: what every push service takes as a whole (RFC 8030 section 7.2, RFC 8291 section 4).
pub const RECORD_BYTES: u32 = 4_096;
/// The longest plaintext: 4,096 bytes without the header of 86, the delimiter and the tag.
pub const PLAINTEXT_MAX_BYTES: usize =
    RECORD_BYTES as usize - FIXED_HEADER_BYTES - PUBLIC_KEY_BYTES - TAG_BYTES - DELIMITER_BYTES;

/// Stands after the plaintext of the last record (RFC 8188 section 2).
pub(crate) const LAST_RECORD: u8 = 2;
const DELIMITER_BYTES: usize = 1;

/// Encrypts a message for one subscription, as one record without padding. Both `ephemeral_private` and `salt` are random and
/// used for no other message: AES-GCM loses all secrecy otherwise.
///
/// # Errors
/// [`Error::TooLarge`] above [`PLAINTEXT_MAX_BYTES`]. [`Error::Key`]: `ephemeral_private` is no key (of 2³² random ones less
/// than one is none), or the device's is none.
pub fn encrypt(
    plaintext: &[u8],
    keys: &SubscriptionKeys,
    ephemeral_private: &[u8; PRIVATE_KEY_BYTES],
    salt: [u8; SALT_BYTES],
) -> Result<Vec<u8>, Error> {
    if plaintext.len() > PLAINTEXT_MAX_BYTES {
        return Err(Error::TooLarge);
    }
    let sender = public_of_private(ephemeral_private)?;
    let parties = Parties { device: &keys.p256dh, sender: &sender, auth: &keys.auth };
    let schedule = Schedule::agree(ephemeral_private, &keys.p256dh, &parties, &salt)?;

    let mut record = plaintext.to_vec();
    record.push(LAST_RECORD);
    schedule.key.seal_in_place_append_tag(schedule.nonce(0), Aad::empty(), &mut record).map_err(|_| Error::TooLarge)?;

    let mut body = Vec::with_capacity(FIXED_HEADER_BYTES + PUBLIC_KEY_BYTES + record.len());
    body.extend_from_slice(&salt);
    body.extend_from_slice(&RECORD_BYTES.to_be_bytes());
    body.push(PUBLIC_KEY_BYTES as u8);
    body.extend_from_slice(&sender);
    body.extend_from_slice(&record);
    Ok(body)
}
