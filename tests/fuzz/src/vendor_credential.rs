//! What an operator uploads.

use homing_channels::{Origins, Surroundings};
use serde_json::Value;

use crate::vendor_app::{NOW, app};

/// Longest reason or pointer: both may quote the upload, within limits.
const TEXT_MAX_BYTES: usize = 1_024;

/// An upload is refused with a reason that points into it, or it can be shown and used.
pub fn vendor_credential(data: &[u8]) {
    let Some((channel, upload)) = data.split_first() else { return };
    let Ok(upload) = serde_json::from_slice::<Value>(upload) else { return };
    let vendor = app(*channel).vendor;
    match vendor.read_credential(&upload, NOW) {
        Ok(credential) => {
            assert_eq!(credential.channel(), vendor.channel());
            assert!(!credential.summary().kind.is_empty());
            let shown = format!("{credential:?} {:?}", credential.summary());
            for name in ["secret", "master_secret", "app_secret", "client_secret", "private_key", "key"] {
                let secret = upload.get(name).and_then(Value::as_str).filter(|secret| secret.len() > 16);
                assert!(secret.is_none_or(|secret| !shown.contains(secret) || is_elsewhere(&upload, name, secret)));
            }
            let around = Surroundings {
                credential: &credential,
                access: None,
                origins: &Origins::production(),
                now: NOW,
                callback_url: None,
                random: [7; 64],
            };
            // Whatever was taken can authorise.
            assert!(vendor.authorize(&around).is_ok(), "{shown}");
        }
        Err(error) => {
            assert!(error.field.is_empty() || error.field.starts_with('/'), "{error}");
            assert!(error.field.len() <= TEXT_MAX_BYTES && error.message.len() <= TEXT_MAX_BYTES, "{error}");
        }
    }
}

/// Whether another field holds the same text, which may be shown.
fn is_elsewhere(upload: &Value, name: &str, secret: &str) -> bool {
    let others = upload.as_object().into_iter().flatten().filter(|(other, _)| *other != name);
    others.into_iter().any(|(_, value)| value.as_str().is_some_and(|text| text.contains(secret)))
}
