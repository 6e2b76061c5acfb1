//! Private keys as vendors' consoles give them: PEM.

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::credential::CredentialError;

/// Longest PEM: a key of RSA with 8,192 bits has 6,400 bytes.
const PEM_MAX_BYTES: usize = 16 * 1_024;

/// The PEM text of a field.
pub(crate) fn pem_text<'a>(upload: &'a Value, field: &str) -> Result<&'a str, CredentialError> {
    let pointer = format!("/{field}");
    match upload.get(field) {
        None | Some(Value::Null) => Err(CredentialError::new(&pointer, "missing", "is required")),
        Some(Value::String(text)) if text.len() <= PEM_MAX_BYTES => Ok(text),
        Some(_) => Err(CredentialError::new(&pointer, "invalid", "must be a private key as PEM")),
    }
}

/// A key of P-256 from PKCS#8 (`BEGIN PRIVATE KEY`), as its 32 bytes.
pub(crate) fn p256_of_pem(pem: &str) -> Option<Zeroizing<[u8; 32]>> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der()).ok()?;
    let bytes = pair.private_key().as_be_bytes().ok()?;
    Some(Zeroizing::new(bytes.as_ref().try_into().ok()?))
}
