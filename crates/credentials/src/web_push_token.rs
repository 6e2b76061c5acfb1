//! The secret part of the URLs of the push service: an endpoint is a capability (RFC 8030 section 8.3), so whoever knows it may
//! send to its subscription. Nothing is stored: the token says what it stands for, and proves that we made it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing_domain::{AppId, DeviceId, MessageId};
use subtle::ConstantTimeEq as _;

use crate::device_keys::DeviceKeys;
use crate::fields::mac;
use crate::ids::sha256;

/// 128 bits: an endpoint must not be guessed (RFC 8030 section 8.3 asks for at least 120).
const CODE_BYTES: usize = 16;
/// How much of the hash of an application server's key stands in the token.
const KEY_HASH_BYTES: usize = 16;
/// No application server is named: any may send.
const ANY_SENDER: [u8; KEY_HASH_BYTES] = [0; KEY_HASH_BYTES];

/// What an endpoint stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPushEndpoint {
    /// Whose device.
    pub app: AppId,
    /// Which device.
    pub device: DeviceId,
    /// Which of its subscriptions.
    pub subscription: u32,
    sender: [u8; KEY_HASH_BYTES],
}

impl WebPushEndpoint {
    /// An endpoint, which only the application server with this public key may send to, if one is named (RFC 8292 section 4).
    #[must_use]
    pub fn new(app: AppId, device: DeviceId, subscription: u32, application_server_key: Option<&[u8]>) -> Self {
        let sender = application_server_key.map_or(ANY_SENDER, hash_of_key);
        Self { app, device, subscription, sender }
    }

    /// Whether senders must say who they are.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.sender != ANY_SENDER
    }

    /// Whether whoever has this key may send.
    #[must_use]
    pub fn admits(&self, application_server_key: &[u8]) -> bool {
        !self.is_restricted() || bool::from(self.sender.ct_eq(&hash_of_key(application_server_key)))
    }

    fn bytes(&self, key_id: u32) -> Vec<u8> {
        [self.device.as_bytes(), &key_id.to_be_bytes()[..], &self.subscription.to_be_bytes(), &self.sender].concat()
    }
}

fn hash_of_key(key: &[u8]) -> [u8; KEY_HASH_BYTES] {
    let mut hash = ANY_SENDER;
    hash.copy_from_slice(&sha256(key)[..KEY_HASH_BYTES]);
    hash
}

impl DeviceKeys {
    /// The token of an endpoint: the app, a dot, and the rest.
    #[must_use]
    pub fn web_push_token(&self, endpoint: &WebPushEndpoint) -> String {
        let key_id = self.current();
        let mut bytes = endpoint.bytes(key_id);
        let code = self.web_push_code(key_id, "endpoint", &[endpoint.app.as_str().as_bytes(), &bytes]);
        bytes.extend_from_slice(&code.unwrap_or_default());
        format!("{}.{}", endpoint.app, URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a token stands for. `None` = we did not make it.
    #[must_use]
    pub fn read_web_push_token(&self, token: &str) -> Option<WebPushEndpoint> {
        let (app, rest) = token.rsplit_once('.')?;
        let app: AppId = app.parse().ok()?;
        let bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
        let (device, rest) = bytes.split_first_chunk::<16>()?;
        let (key_id, rest) = rest.split_first_chunk::<4>()?;
        let (subscription, rest) = rest.split_first_chunk::<4>()?;
        let (sender, code) = rest.split_first_chunk::<KEY_HASH_BYTES>()?;
        let (key_id, subscription) = (u32::from_be_bytes(*key_id), u32::from_be_bytes(*subscription));
        let endpoint = WebPushEndpoint { app, device: DeviceId::from_bytes(*device), subscription, sender: *sender };
        let signed = [endpoint.app.as_str().as_bytes(), &endpoint.bytes(key_id)];
        let expected = self.web_push_code(key_id, "endpoint", &signed)?;
        bool::from(expected[..].ct_eq(code)).then_some(endpoint)
    }

    /// The token of a message that was taken, for whoever sent it.
    #[must_use]
    pub fn web_push_message_token(&self, app: &AppId, message: MessageId) -> String {
        let code = self.web_push_code(self.current(), "message", &[app.as_str().as_bytes(), message.as_bytes()]);
        let bytes = [&message.as_bytes()[..], &code.unwrap_or_default()].concat();
        format!("{app}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The message of a token. `None` = we did not make it, or not with the current key.
    #[must_use]
    pub fn read_web_push_message_token(&self, token: &str) -> Option<(AppId, MessageId)> {
        let (app, rest) = token.rsplit_once('.')?;
        let bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
        let message = MessageId::from_bytes(*bytes.first_chunk::<16>()?);
        let app: AppId = app.parse().ok()?;
        let expected = self.web_push_message_token(&app, message);
        bool::from(expected.as_bytes().ct_eq(token.as_bytes())).then_some((app, message))
    }

    fn web_push_code(&self, key_id: u32, what: &str, fields: &[&[u8]]) -> Option<[u8; CODE_BYTES]> {
        let full = mac(self.key(key_id)?, &format!("homing/1 web push {what}"), fields);
        full.first_chunk().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> DeviceKeys {
        DeviceKeys::new(2, [(1, [1; 32]), (2, [2; 32])]).unwrap()
    }

    fn endpoint(key: Option<&[u8]>) -> WebPushEndpoint {
        WebPushEndpoint::new("demo-cn".parse().unwrap(), DeviceId::from_bytes([9; 16]), 3, key)
    }

    #[test]
    fn a_token_says_what_it_stands_for_and_no_other_does() {
        let token = keys().web_push_token(&endpoint(None));
        assert_eq!(keys().read_web_push_token(&token), Some(endpoint(None)));
        assert!(!endpoint(None).is_restricted() && endpoint(None).admits(b"anyone"));
        let other_app = token.replace("demo-cn", "demo-de");
        for bad in ["", "demo", "demo.", &other_app, &format!("{token}A"), token.get(1..).unwrap()] {
            assert_eq!(keys().read_web_push_token(bad), None, "{bad}");
        }
        let others = DeviceKeys::new(2, [(2, [3; 32])]).unwrap();
        assert_eq!(others.read_web_push_token(&token), None);
    }

    #[test]
    fn a_restricted_endpoint_admits_one_sender() {
        let endpoint = endpoint(Some(b"key of the shop"));
        let read = keys().read_web_push_token(&keys().web_push_token(&endpoint)).unwrap();
        assert!(read.is_restricted() && read.admits(b"key of the shop") && !read.admits(b"key of another"));
    }

    #[test]
    fn a_message_is_known_by_its_token() {
        let (app, message) = ("demo".parse().unwrap(), MessageId::from_bytes([5; 16]));
        let token = keys().web_push_message_token(&app, message);
        assert_eq!(keys().read_web_push_message_token(&token), Some((app, message)));
        let of_another = keys().web_push_message_token(&"other".parse().unwrap(), message);
        assert_ne!(of_another, token);
        for bad in ["", "demo.AAAA", &token.replace("demo", "other")] {
            assert_eq!(keys().read_web_push_message_token(bad), None, "{bad}");
        }
    }
}
