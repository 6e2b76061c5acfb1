//! The secret part of the URL that a vendor sends receipts to: some vendors sign nothing, so knowing the URL is all there is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::fleet_secret::FleetSecret;

/// The secret of an app's channel: 256 bits as text. Derived, so nothing is stored.
#[must_use]
pub fn receipt_secret(fleet: &FleetSecret, app: &str, channel: &str) -> String {
    URL_SAFE_NO_PAD.encode(fleet.derive("vendor receipts", format!("{channel}/{app}").as_bytes()))
}

/// Whether a URL's secret is that of this app's channel.
#[must_use]
pub fn is_receipt_secret(fleet: &FleetSecret, app: &str, channel: &str, presented: &str) -> bool {
    receipt_secret(fleet, app, channel).as_bytes().ct_eq(presented.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_apps_channel_has_its_own() {
        let fleet = FleetSecret::new([7; 32]);
        let secret = receipt_secret(&fleet, "demo", "oppo");
        assert!(is_receipt_secret(&fleet, "demo", "oppo", &secret));
        for (app, channel, presented) in
            [("other", "oppo", &*secret), ("demo", "vivo", &secret), ("demo", "oppo", ""), ("demo", "oppo", "x")]
        {
            assert!(!is_receipt_secret(&fleet, app, channel, presented), "{app} {channel} {presented}");
        }
        assert!(!is_receipt_secret(&FleetSecret::new([8; 32]), "demo", "oppo", &secret));
    }
}
