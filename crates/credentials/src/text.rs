//! The text form of secrets: base64url without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A text is not 32 bytes in base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 bytes in base64url without padding (43 characters)")]
pub struct InvalidSecretText;

/// Base64url without padding, for storing and for JSON.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads 32 bytes from [`encode`]'s form.
///
/// # Errors
/// [`InvalidSecretText`] when the text is anything else.
pub fn decode_32(text: &str) -> Result<[u8; 32], InvalidSecretText> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidSecretText)?;
    bytes.try_into().map_err(|_| InvalidSecretText)
}
