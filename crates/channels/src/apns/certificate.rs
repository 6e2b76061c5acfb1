//! Reads the `.p12` file of a push certificate.

use std::sync::Arc;

use homing_domain::UnixMillis;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy, error::Error};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::oid_registry::{Oid, asn1_rs::oid};

use crate::{ClientIdentity, CredentialError};

/// The attribute `UID` of the subject: in push certificates the app's bundle id.
const USER_ID: Oid<'static> = oid!(0.9.2342.19200300.100.1.1);

/// What the file holds.
pub(super) struct Certificate {
    pub(super) identity: ClientIdentity,
    pub(super) topic: Option<String>,
    pub(super) expires_at: UnixMillis,
}

pub(super) fn read(file: &[u8], password: &str) -> Result<Certificate, CredentialError> {
    let invalid = |message| CredentialError::new("/certificate", "invalid", message);
    let store = KeyStore::from_pkcs12(file, password, Pkcs12ImportPolicy::Strict).map_err(|error| match error {
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => {
            CredentialError::new("/password", "wrong_password", "does not open the .p12 file")
        }
        _ => invalid("must be a .p12 file"),
    })?;
    let (_, chain) = store.private_key_chain().ok_or_else(|| invalid("holds no certificate with its private key"))?;
    let leaf = chain.certs().first().ok_or_else(|| invalid("holds no certificate"))?;
    let (_, parsed) =
        x509_parser::parse_x509_certificate(leaf.as_der()).map_err(|_| invalid("holds an unreadable certificate"))?;

    let topic = parsed.subject().iter_by_oid(&USER_ID).find_map(|attribute| attribute.as_str().ok()).map(str::to_owned);
    let expires_at = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec()));
    let chain = chain.certs().iter().map(|each| CertificateDer::from(each.as_der().to_vec())).collect();
    let identity = ClientIdentity { chain, key: Arc::new(key) };
    Ok(Certificate { identity, topic, expires_at: UnixMillis(expires_at.saturating_mul(1_000)) })
}
