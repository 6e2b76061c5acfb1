//! Whom a request trusts, and who it says it is.

use std::path::Path;
use std::sync::Arc;

use homing_ports::CallIdentity;
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;

use crate::settings::SetupError;

/// Reads the extra certificates once, at start.
pub(crate) fn extra_ca(path: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let unreadable =
        |error: rustls::pki_types::pem::Error| SetupError::new("extra_ca", format!("{}: {error}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(SetupError::new("extra_ca", format!("{} holds no certificate", path.display())));
    }
    Ok(certificates)
}

/// Trust of the system's certificates and the extra ones.
pub(crate) fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<Verifier>, SetupError> {
    let verifier =
        if extra.is_empty() { Verifier::new(provider) } else { Verifier::new_with_extra_roots(extra, provider) };
    verifier.map(Arc::new).map_err(|error| SetupError::new("extra_ca", error))
}

/// The client's side of a handshake. ALPN is the connector's.
pub(crate) fn config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<Verifier>,
    identity: Option<&CallIdentity>,
) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        // The platform's verifier checks everything; it is only no part of rustls.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some(identity) = identity else { return Ok(builder.with_no_client_auth()) };
    let chain = identity.chain.iter().map(|certificate| CertificateDer::from(certificate.to_vec())).collect();
    let key = PrivateKeyDer::try_from(identity.key.to_vec())
        .map_err(|_| rustls::Error::General("the identity's key is no PKCS#8, PKCS#1 or SEC1".to_owned()))?;
    builder.with_client_auth_cert(chain, key)
}
