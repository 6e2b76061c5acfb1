//! The key that push services know an app by. It belongs to nobody else: an app makes it, and subscriptions are made for it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing_web_push::{PRIVATE_KEY_BYTES, public_of_private};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::private_key::{p256_of_pem, pem_text};
use crate::upload::Upload;
use crate::{CredentialError, Summary};

const FIELDS: [&str; 2] = ["subject", "private_key"];

/// The key, and whom a push service asks when something is wrong.
#[derive(Clone)]
pub struct Credential {
    pub(super) subject: String,
    pub(super) private_key: Zeroizing<[u8; PRIVATE_KEY_BYTES]>,
    /// What browsers subscribe with (`applicationServerKey`), in base64url.
    pub(super) public_key: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("subject", &self.subject).field("public_key", &self.public_key).finish()
    }
}

impl Credential {
    pub(super) fn read(upload: &Value) -> Result<Self, CredentialError> {
        let fields = Upload::of(upload, &FIELDS)?;
        let subject = fields.required("subject")?;
        // RFC 8292 section 2.1.
        if !subject.starts_with("mailto:") && !subject.starts_with("https:") {
            return Err(CredentialError::new("/subject", "invalid", "must be a mailto: or https: URL"));
        }
        let private_key = private_key(pem_text(upload, "private_key")?).ok_or_else(|| {
            let message = "must be a private key of P-256: 32 bytes in base64url, or PKCS#8 as PEM";
            CredentialError::new("/private_key", "invalid", message)
        })?;
        let public = public_of_private(&private_key)
            .map_err(|_| CredentialError::new("/private_key", "invalid", "is no private key of P-256"))?;
        Ok(Self { subject, private_key, public_key: URL_SAFE_NO_PAD.encode(public) })
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let public = vec![("subject", self.subject.clone()), ("public_key", self.public_key.clone())];
        Summary { kind: "vapid", public, expires_at: None }
    }
}

fn private_key(text: &str) -> Option<Zeroizing<[u8; PRIVATE_KEY_BYTES]>> {
    if text.contains("-----BEGIN") {
        return p256_of_pem(text);
    }
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}
