//! The device's half of message encryption. It takes what other senders may write: other record sizes, several records, padding.

use aws_lc_rs::aead::Aad;

use crate::encrypt::LAST_RECORD;
use crate::error::Error;
use crate::keys::{DeviceKeys, PUBLIC_KEY_BYTES};
use crate::schedule::{Parties, SALT_BYTES, Schedule, TAG_BYTES};

/// The longest body that is read. Push services promise 4,096 bytes only (RFC 8030 section 7.2); some take more.
pub const BODY_MAX_BYTES: usize = 64 * 1_024;
/// Records in one body. RFC 8291 section 4 wants one; each costs a decryption, and a record may hold as little as one byte.
pub const RECORDS_MAX: u32 = 256;

/// Stands after the plaintext of each record but the last (RFC 8188 section 2).
const INNER_RECORD: u8 = 1;
/// The smallest record: a tag and a delimiter (RFC 8188 section 2.1).
const RECORD_MIN_BYTES: usize = TAG_BYTES + 1;

/// Decrypts what was encrypted for this device.
///
/// What RFC 8188 protects is protected: the plaintext, its end, the order and number of records. The record size itself is not:
/// a single record reads the same under every size that it fits into.
///
/// # Errors
/// [`Error::TooLarge`] above [`BODY_MAX_BYTES`] or [`RECORDS_MAX`], [`Error::Malformed`], or [`Error::Undecryptable`].
pub fn decrypt(body: &[u8], keys: &DeviceKeys) -> Result<Vec<u8>, Error> {
    if body.len() > BODY_MAX_BYTES {
        return Err(Error::TooLarge);
    }
    let (salt, rest) = body.split_first_chunk::<SALT_BYTES>().ok_or(Error::Malformed("salt"))?;
    let (size, rest) = rest.split_first_chunk::<4>().ok_or(Error::Malformed("record size"))?;
    let (length, rest) = rest.split_first().ok_or(Error::Malformed("key id"))?;
    if usize::from(*length) != PUBLIC_KEY_BYTES {
        return Err(Error::Malformed("key id"));
    }
    let (sender, records) = rest.split_first_chunk::<PUBLIC_KEY_BYTES>().ok_or(Error::Malformed("key id"))?;
    let size = usize::try_from(u32::from_be_bytes(*size)).map_err(|_| Error::Malformed("record size"))?;
    // RFC 8188 section 2.1 wants room for one byte beside tag and delimiter.
    if size <= RECORD_MIN_BYTES {
        return Err(Error::Malformed("record size"));
    }

    let device = keys.public();
    let parties = Parties { device: &device, sender, auth: keys.auth() };
    let schedule = Schedule::agree(keys.private(), sender, &parties, salt)?;
    open_records(records, size, &schedule)
}

fn open_records(records: &[u8], size: usize, schedule: &Schedule) -> Result<Vec<u8>, Error> {
    let count = u32::try_from(records.len().div_ceil(size)).map_err(|_| Error::TooLarge)?;
    match count {
        0 => return Err(Error::Malformed("no record")),
        1..=RECORDS_MAX => {}
        _ => return Err(Error::TooLarge),
    }
    let mut plaintext = Vec::with_capacity(records.len());
    for (number, record) in (0_u32..).zip(records.chunks(size)) {
        let mut record = record.to_vec();
        let opened = schedule
            .key
            .open_in_place(schedule.nonce(number), Aad::empty(), &mut record)
            .map_err(|_| Error::Undecryptable)?;
        let delimiter = if number + 1 == count { LAST_RECORD } else { INNER_RECORD };
        plaintext.extend_from_slice(without_padding(opened, delimiter)?);
    }
    Ok(plaintext)
}

/// Padding is zeros after the delimiter.
fn without_padding(record: &[u8], delimiter: u8) -> Result<&[u8], Error> {
    let end = record.iter().rposition(|byte| *byte != 0).ok_or(Error::Malformed("no delimiter"))?;
    let (plaintext, rest) = record.split_at(end);
    if rest.first() == Some(&delimiter) { Ok(plaintext) } else { Err(Error::Malformed("delimiter")) }
}
