//! Web Push, both ends: message encryption (RFC 8291 over RFC 8188 `aes128gcm`) and voluntary application server
//! identification (RFC 8292).
//!
//! The sender encrypts for a subscription and signs; the push service checks the signature and sees only ciphertext; the device
//! decrypts. All of it is pure: keys and salts come in as arguments.
//!
//! **Must not know**: HTTP, a store, a clock, a source of randomness.

mod decrypt;
mod encoding;
mod encrypt;
pub mod envelope;
mod error;
mod keys;
mod schedule;
mod subscription;
#[cfg(test)]
mod tests;
pub mod vapid;

pub use decrypt::{BODY_MAX_BYTES, RECORDS_MAX, decrypt};
pub use encrypt::{PLAINTEXT_MAX_BYTES, RECORD_BYTES, encrypt};
pub use error::Error;
pub use keys::{AUTH_BYTES, DeviceKeys, PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES, SubscriptionKeys, public_of_private};
pub use schedule::SALT_BYTES;
pub use subscription::{SUBSCRIPTION_MAX_BYTES, Subscription};
