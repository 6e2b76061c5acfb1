//! Who a device is, and where it connects.

use homing_credentials::DeviceSecret;
use homing_domain::{AppId, DeviceId, Epoch};

/// What registration gave the device. The secret is never shown in logs.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whose app.
    pub app: AppId,
    /// Which device.
    pub device: DeviceId,
    /// What it proves itself with; never sent.
    pub secret: DeviceSecret,
    /// Which fleet key the secret derives from.
    pub key_id: u32,
    /// Generation of the secret.
    pub credential_generation: u32,
    /// Life of the mailbox at registration.
    pub epoch: Epoch,
}

/// A gateway, or the name in front of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Host name or address.
    pub host: String,
    /// Port number of both UDP and TCP.
    pub port: u16,
    /// The name in the gateway's certificate.
    pub server_name: String,
}

impl Route {
    /// A gateway whose certificate names `host`.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        Self { server_name: host.clone(), host, port }
    }

    /// The certificate has another name than the host.
    #[must_use]
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = name.into();
        self
    }

    /// The `host:port` of a GoAway, with the certificate's name as it was. `None` = no such text.
    pub(crate) fn moved_to(&self, address: &str) -> Option<Self> {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self { host: host.to_owned(), port: port.parse().ok()?, server_name: self.server_name.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_route_keeps_its_name() {
        let route = Route::new("push.example.com", 443);
        let moved = route.moved_to("[::1]:7443").unwrap();
        assert_eq!((&*moved.host, moved.port, &*moved.server_name), ("::1", 7443, "push.example.com"));
        assert_eq!(route.moved_to("nothing"), None);
        assert_eq!(route.moved_to("host:x"), None);
    }
}
