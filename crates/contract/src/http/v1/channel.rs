//! What an app has set for its vendors' channels.

mod policy;

use std::collections::BTreeMap;
use std::fmt;

use homing_domain::{ChannelConfig, ChannelCredential, UnixMillis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::time::to_timestamp;

pub use policy::{ChannelPolicyRequest, ChannelPolicyView};

/// A credential as its vendor gives it, in the fields that this channel has: see the table in the documentation.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct CredentialUpload(pub Map<String, Value>);

impl fmt::Debug for CredentialUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialUpload(redacted)")
    }
}

/// What may be shown of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialView {
    /// `token_key`, `certificate`, `service_account`, `client_secret`, `app_secret` or `vapid`.
    #[schema(example = "token_key")]
    pub kind: String,
    /// What is no secret, by its name in the upload. Of Web Push also `public_key`, which browsers subscribe with.
    pub public: BTreeMap<String, String>,
    /// When it stops being valid, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Days until then, begun ones included; 0 = it has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_left: Option<u16>,
    /// When it was uploaded.
    pub uploaded_at: Timestamp,
}

impl CredentialView {
    /// What may be shown of a credential.
    #[must_use]
    pub fn new(credential: &ChannelCredential, now: UnixMillis) -> Self {
        Self {
            kind: credential.kind.clone(),
            public: credential.public.iter().cloned().collect(),
            expires_at: credential.expires_at.map(to_timestamp),
            days_left: credential.days_left(now),
            uploaded_at: to_timestamp(credential.uploaded_at),
        }
    }
}

/// What an app has set for a vendor's channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelView {
    /// Whose.
    #[schema(example = "shop")]
    pub app: String,
    /// Which vendor.
    #[schema(example = "apns")]
    pub channel: String,
    /// What the app has from the vendor; none = nothing goes by this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialView>,
    /// How the vendor is asked.
    pub policy: ChannelPolicyView,
}

impl ChannelView {
    /// The view of a channel.
    #[must_use]
    pub fn new(config: &ChannelConfig, now: UnixMillis) -> Self {
        Self {
            app: config.app.to_string(),
            channel: config.channel.name().to_owned(),
            credential: config.credential.as_ref().map(|credential| CredentialView::new(credential, now)),
            policy: config.policy.into(),
        }
    }
}

/// A channel whose credential was set, and where its vendor is to send receipts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelSet {
    /// The channel as it is now, or would be.
    pub channel: ChannelView,
    /// Where the vendor is to send receipts, if it sends any. It holds a secret: who knows it can send receipts. Without a
    /// `public_url` in the server's settings it begins with the path. The same for each upload, so sending the credential again
    /// shows it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_url: Option<String>,
    /// Whether it was only checked (`validate_only`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub validate_only: bool,
    /// How far it was checked.
    #[serde(default)]
    pub checked: CheckedView,
}

/// How far a credential was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckedView {
    /// Its fields were read: the vendor was not asked, or there is nobody to ask.
    #[default]
    Parsed,
    /// The vendor gave access for it.
    Access,
    /// The vendor took it with a message for a device that cannot exist.
    Answer,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl fmt::Debug for ChannelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelSet").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// The channels of an app for which anything is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelList {
    /// The channels.
    pub channels: Vec<ChannelView>,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use homing_domain::{Channel, ChannelPolicy};

    use super::*;

    #[test]
    fn what_is_shown_has_no_secret_and_says_how_long_it_is_good() {
        let credential = ChannelCredential {
            sealed: Bytes::from_static(b"sealed"),
            kind: "certificate".into(),
            public: vec![("topic".into(), "com.example".into())],
            expires_at: Some(UnixMillis(10 * 86_400_000)),
            uploaded_at: UnixMillis(0),
            warned_days: None,
        };
        let config = ChannelConfig {
            app: "shop".parse().unwrap(),
            channel: Channel::Apns,
            credential: Some(credential),
            policy: ChannelPolicy::default(),
            revision: 1,
        };
        let json = serde_json::to_value(ChannelView::new(&config, UnixMillis(86_400_001))).unwrap();
        let expected = serde_json::json!({
            "kind": "certificate", "public": {"topic": "com.example"}, "expires_at": "1970-01-11T00:00:00Z",
            "days_left": 9, "uploaded_at": "1970-01-01T00:00:00Z",
        });
        assert_eq!(json["credential"], expected);
        assert_eq!((&json["app"], &json["channel"]), (&"shop".into(), &"apns".into()));
    }

    #[test]
    fn uploads_and_urls_are_not_logged() {
        let upload: CredentialUpload = serde_json::from_str(r#"{"key": "hidden"}"#).unwrap();
        assert!(!format!("{upload:?}").contains("hidden"));
        assert!(serde_json::from_str::<CredentialUpload>("[1]").is_err());
    }
}
