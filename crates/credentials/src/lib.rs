//! Secrets, keys, message authentication codes, and identifiers that are derived rather than invented.
//!
//! One place for everything that must be computed alike by the functions, the gateways, the device SDK and the command
//! line: a device's secret and the proof it sends in its Hello, the keys of apps and operators, push tokens, and ids that
//! a repeat must find again. All of it is pure: random bytes come in as arguments. The one backend is aws-lc-rs.
//!
//! **Must not know**: where keys are kept, HTTP, frames, a clock, a source of randomness.

mod alert;
mod api_key;
mod batch;
mod device_keys;
mod fields;
mod fleet_secret;
mod hello;
mod ids;
mod push_token;
mod receipt_secret;
mod seal;
mod text;
mod web_push_token;

pub use alert::{alert_key, sign_alert};
pub use api_key::{ApiKey, KeyKind, PresentedKey, digest, digests_match};
pub use batch::receipt_batch_id;
pub use device_keys::{DeviceKeys, DeviceKeysError, DeviceSecret};
pub use fleet_secret::FleetSecret;
pub use hello::{EXPORTER_LABEL, HELLO_AUTH_BYTES, hello_auth, verify_hello};
pub use ids::{derive_id, member_key, message_id, occurrence_id, sha256};
pub use push_token::PUSH_TOKEN_PREFIX;
pub use receipt_secret::{is_receipt_secret, receipt_secret};
pub use seal::{NONCE_BYTES, SealError, open, seal};
pub use text::{InvalidSecretText, decode_32, encode};
pub use web_push_token::WebPushEndpoint;
