//! Web Push subscriptions of devices.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Checked, Violations};

/// An uncompressed point of P-256.
const KEY_BYTES: usize = 65;

/// `POST /v1/devices/{id}/web-push-subscriptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscribeWebPush {
    /// A number of the app's choice, to tell the device's subscriptions apart. Messages arrive with it.
    #[serde(default)]
    pub subscription: u32,
    /// The application server that alone may send (RFC 8292): its public key in base64url, as `applicationServerKey` in
    /// browsers. Without one, whoever knows the endpoint may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_server_key: Option<String>,
}

impl SubscribeWebPush {
    /// The key in bytes.
    ///
    /// # Errors
    /// It is no public key.
    pub fn check(&self) -> Checked<Option<Vec<u8>>> {
        let Some(text) = &self.application_server_key else { return Ok(None) };
        let key = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        match key.filter(|key| key.len() == KEY_BYTES && key[0] == 4) {
            Some(key) => Ok(Some(key)),
            None => Err(Violations::one(
                "invalid_key",
                "/application_server_key",
                "must be an uncompressed public key of P-256 in base64url",
            )),
        }
    }
}

/// A subscription. Keys are the device's own affair: it makes them, and tells its senders the public ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebPushSubscribed {
    /// Where senders post to. It is a secret between device and senders. The same request gets the same endpoint, unless the
    /// server's key was changed in between; older endpoints stay good.
    pub endpoint: String,
    /// Its number.
    pub subscription: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_point() {
        let subscribe = |key: &str| SubscribeWebPush { subscription: 0, application_server_key: Some(key.to_owned()) };
        let key = URL_SAFE_NO_PAD.encode([&[4][..], &[7; 64]].concat());
        assert_eq!(subscribe(&key).check().unwrap().map(|key| key.len()), Some(65));
        assert_eq!(SubscribeWebPush::default().check().unwrap(), None);
        for bad in ["", "BA", "not base64!", &URL_SAFE_NO_PAD.encode([7; 65])] {
            assert!(subscribe(bad).check().is_err(), "{bad}");
        }
    }
}
