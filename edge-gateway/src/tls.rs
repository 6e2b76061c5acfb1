//! The one TLS configuration of both transports.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::keys::Tickets;

/// Who the gateway is to its devices.
#[derive(Debug)]
pub struct Certificate {
    /// Its certificate first, then those that lead to a root.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the first.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Certificate {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl Certificate {
    fn certified(self) -> Result<Arc<CertifiedKey>, CertificateError> {
        if self.chain.is_empty() {
            return Err(rustls::Error::NoCertificatesPresented.into());
        }
        Ok(Arc::new(CertifiedKey::from_der(self.chain, self.key, &provider())?))
    }
}

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the gateway's certificate or key cannot be used: {0}")]
pub struct CertificateError(#[from] rustls::Error);

/// The certificate that handshakes show from now on; links that are open keep what they were shown.
#[derive(Debug)]
pub(crate) struct PresentCertificate(RwLock<Arc<CertifiedKey>>);

impl PresentCertificate {
    pub(crate) fn new(certificate: Certificate) -> Result<Arc<Self>, CertificateError> {
        Ok(Arc::new(Self(RwLock::new(certificate.certified()?))))
    }

    /// Shows another one; when it cannot be used, the present one stays.
    pub(crate) fn replace(&self, certificate: Certificate) -> Result<(), CertificateError> {
        let certified = certificate.certified()?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
        Ok(())
    }
}

impl ResolvesServerCert for PresentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// TLS 1.3 only, no early data (a Hello changes state), ALPN `homing/1`.
pub(crate) fn server_config(
    certificate: Arc<PresentCertificate>,
    tickets: Tickets,
) -> Result<ServerConfig, CertificateError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![homing_wire::ALPN.to_vec()];
    config.ticketer = Arc::new(tickets);
    // A device reconnects with the newest ticket; a second one would only cost bytes.
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Explicit, so that what else is compiled in cannot change a handshake.
fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1],
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..default_provider()
    }
}
