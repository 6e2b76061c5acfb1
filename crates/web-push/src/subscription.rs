//! A subscription as a browser gives it: `PushSubscription.toJSON()` of the Push API.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::keys::SubscriptionKeys;

/// The longest JSON that is read: endpoints have a few hundred bytes.
pub const SUBSCRIPTION_MAX_BYTES: usize = 4_096;

/// Where messages for a device are sent, and for whom they are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The URL of the push service for this subscription. It is a capability, and was chosen by somebody else: check it before
    /// anything is sent there.
    pub endpoint: String,
    /// The device's keys.
    pub keys: SubscriptionKeys,
}

#[derive(Serialize, Deserialize)]
struct Shape {
    endpoint: String,
    keys: KeysShape,
}

#[derive(Serialize, Deserialize)]
struct KeysShape {
    p256dh: String,
    auth: String,
}

impl Subscription {
    /// Reads the JSON. Other fields (`expirationTime`) are let pass.
    ///
    /// # Errors
    /// [`Error::Subscription`] or [`Error::Key`].
    pub fn parse(json: &str) -> Result<Self, Error> {
        if json.len() > SUBSCRIPTION_MAX_BYTES {
            return Err(Error::Subscription("too long"));
        }
        let shape: Shape = serde_json::from_str(json).map_err(|_| Error::Subscription("no subscription JSON"))?;
        if shape.endpoint.is_empty() {
            return Err(Error::Subscription("no endpoint"));
        }
        let keys = SubscriptionKeys::parse(&shape.keys.p256dh, &shape.keys.auth)?;
        Ok(Self { endpoint: shape.endpoint, keys })
    }

    /// The JSON, without spaces.
    #[must_use]
    pub fn to_json(&self) -> String {
        let keys = KeysShape { p256dh: self.keys.p256dh_text(), auth: self.keys.auth_text() };
        let shape = Shape { endpoint: self.endpoint.clone(), keys };
        serde_json::to_string(&shape).expect("three texts have no way to fail as JSON")
    }
}
