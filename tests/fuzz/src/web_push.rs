//! Encrypted messages from anybody who knows a subscription.

use homing_web_push::{DeviceKeys, Error, Subscription, SubscriptionKeys, decrypt, encrypt, envelope, vapid};

/// The order of the headers of a body: salt, record size, length of the key, key.
const HEADER_BYTES: usize = 16 + 4 + 1 + 65;

/// A body is refused or decrypted; what was encrypted is decrypted to the same; what was changed is not.
pub fn web_push_decrypt(data: &[u8]) {
    let keys = DeviceKeys::from_private(&[7; 32], [9; 16]).expect("the number is below the order");
    // `0` is the first.
    let Some((kind, data)) = data.split_first() else { return };
    match kind.wrapping_sub(b'0') % 6 {
        0 => {
            if let Ok(plaintext) = decrypt(data, &keys) {
                assert!(plaintext.len() <= data.len());
            }
        }
        1 => round_trip(data, &keys),
        2 => changed(data, &keys),
        3 => {
            if let Ok(Ok(subscription)) = str::from_utf8(data).map(Subscription::parse) {
                assert_eq!(Subscription::parse(&subscription.to_json()), Ok(subscription));
            }
        }
        4 => {
            let Ok(header) = str::from_utf8(data) else { return };
            // Nobody has signed it.
            assert!(vapid::verify(header, "https://push.example", 1_767_225_600).is_err());
        }
        _ => {
            if let Some((subscription, body)) = envelope::unwrap(data) {
                assert_eq!(envelope::wrap(subscription, body), data);
            }
        }
    }
}

fn sealed(plaintext: &[u8], keys: &SubscriptionKeys) -> Result<Vec<u8>, Error> {
    encrypt(plaintext, keys, &[11; 32], [13; 16])
}

fn round_trip(plaintext: &[u8], keys: &DeviceKeys) {
    match sealed(plaintext, &keys.subscription_keys()) {
        Ok(body) => assert_eq!(decrypt(&body, keys).as_deref(), Ok(plaintext)),
        Err(error) => assert!(error == Error::TooLarge && plaintext.len() > homing_web_push::PLAINTEXT_MAX_BYTES),
    }
}

/// Two bytes say where, one says what becomes of it. The record size may be another that the record fits into.
fn changed(data: &[u8], keys: &DeviceKeys) {
    let Some(([high, low, change], plaintext)) = data.split_first_chunk::<3>() else { return };
    let Ok(mut body) = sealed(plaintext, &keys.subscription_keys()) else { return };
    let at = usize::from(u16::from_be_bytes([*high, *low])) % body.len();
    if *change == 0 || (16..20).contains(&at) {
        return;
    }
    body[at] ^= change;
    let read = decrypt(&body, keys);
    assert!(read.is_err(), "byte {at} of {}, {} behind the header", body.len(), body.len() - HEADER_BYTES);
}
