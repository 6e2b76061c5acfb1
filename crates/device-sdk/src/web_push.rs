//! Web Push at the device: keys of its own, and messages that only it can read (RFC 8291).
//!
//! The app asks the server for an endpoint (`POST /v1/devices/{id}/web-push-subscriptions`), gives endpoint and public keys to
//! its application server as a browser would, and opens what arrives with its keys.

use std::fmt;

use homing_link::client::Message;
use homing_web_push::{AUTH_BYTES, DeviceKeys, PRIVATE_KEY_BYTES, Subscription, decrypt, envelope};
use rand::Rng as _;
use zeroize::Zeroizing;

/// What [`WebPushKeys::to_bytes`] gives.
pub const WEB_PUSH_KEYS_BYTES: usize = PRIVATE_KEY_BYTES + AUTH_BYTES;

/// The keys of a device's subscriptions. The app keeps them where it keeps its other secrets: whoever has them can read what is
/// sent to the device.
#[derive(Clone)]
pub struct WebPushKeys {
    keys: DeviceKeys,
    bytes: Zeroizing<[u8; WEB_PUSH_KEYS_BYTES]>,
}

/// What stands in an encrypted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPushMessage {
    /// For which of the device's subscriptions.
    pub subscription: u32,
    /// What the sender wrote; empty if it sent nothing but the fact.
    pub plaintext: Vec<u8>,
}

/// A message cannot be read, or keys are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebPushError {
    /// It was encrypted for other keys, or changed on its way.
    #[error("the message cannot be decrypted: it is for other keys, or was changed")]
    Undecryptable,
    /// Not what [`WebPushKeys::to_bytes`] gave.
    #[error("these are no keys")]
    NoKeys,
}

impl WebPushKeys {
    /// Makes new ones.
    #[must_use]
    pub fn generate() -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; WEB_PUSH_KEYS_BYTES]);
            rand::rng().fill_bytes(&mut bytes[..]);
            // Less than one of 2³² is no key.
            if let Ok(keys) = Self::from_bytes(&bytes) {
                return keys;
            }
        }
    }

    /// Takes kept ones.
    ///
    /// # Errors
    /// [`WebPushError::NoKeys`]
    pub fn from_bytes(bytes: &[u8; WEB_PUSH_KEYS_BYTES]) -> Result<Self, WebPushError> {
        let (private, auth) = bytes.split_first_chunk().ok_or(WebPushError::NoKeys)?;
        let auth = auth.first_chunk().ok_or(WebPushError::NoKeys)?;
        let keys = DeviceKeys::from_private(private, *auth).map_err(|_| WebPushError::NoKeys)?;
        Ok(Self { keys, bytes: Zeroizing::new(*bytes) })
    }

    /// The bytes, to be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; WEB_PUSH_KEYS_BYTES]> {
        self.bytes.clone()
    }

    /// What a sender is told: the JSON of `PushSubscription` in browsers, for this endpoint.
    #[must_use]
    pub fn subscription_json(&self, endpoint: &str) -> String {
        Subscription { endpoint: endpoint.to_owned(), keys: self.keys.subscription_keys() }.to_json()
    }

    /// Opens a message. `None` = it did not come by Web Push.
    ///
    /// # Errors
    /// [`WebPushError::Undecryptable`]
    pub fn open(&self, message: &Message) -> Option<Result<WebPushMessage, WebPushError>> {
        let (subscription, body) = envelope::unwrap(&message.payload)?;
        let plaintext = if body.is_empty() { Ok(Vec::new()) } else { decrypt(body, &self.keys) };
        let opened = plaintext.map(|plaintext| WebPushMessage { subscription, plaintext });
        Some(opened.map_err(|_| WebPushError::Undecryptable))
    }
}

impl fmt::Debug for WebPushKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use homing_domain::{MessageId, Priority, UnixMillis};
    use homing_web_push::encrypt;
    use homing_wire::PayloadEncoding;

    use super::*;

    fn message(payload: Vec<u8>) -> Message {
        Message {
            id: MessageId::from_bytes([1; 16]),
            seq: 1,
            accepted_at: UnixMillis(0),
            expires_at: UnixMillis::NEVER,
            priority: Priority::Normal,
            collapse_key: None,
            encoding: PayloadEncoding::Aes128Gcm,
            payload: Bytes::from(payload),
        }
    }

    #[test]
    fn only_its_own_keys_open_a_message_and_kept_ones_too() {
        let keys = WebPushKeys::generate();
        let json = keys.subscription_json("https://push.example/wp/demo.x");
        let subscription = Subscription::parse(&json).unwrap();
        let body = encrypt("花开了 🌸".as_bytes(), &subscription.keys, &[7; 32], [9; 16]).unwrap();
        let arrived = message(envelope::wrap(3, &body));
        let kept = WebPushKeys::from_bytes(&keys.to_bytes()).unwrap();
        let opened = kept.open(&arrived).unwrap().unwrap();
        assert_eq!((opened.subscription, &*opened.plaintext), (3, "花开了 🌸".as_bytes()));
        assert_eq!(WebPushKeys::generate().open(&arrived), Some(Err(WebPushError::Undecryptable)));
        let empty = keys.open(&message(envelope::wrap(0, b""))).unwrap().unwrap();
        assert_eq!(empty, WebPushMessage { subscription: 0, plaintext: Vec::new() });
        assert_eq!(keys.open(&message(b"{\"data\":{}}".to_vec())), None);
        assert!(WebPushKeys::from_bytes(&[0; WEB_PUSH_KEYS_BYTES]).is_err());
    }
}
