//! The one TLS configuration of both transports.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{Ticketer, cipher_suite, default_provider, kx_group};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the gateway's certificate or key cannot be used: {0}")]
pub struct CertificateError(#[from] rustls::Error);

/// TLS 1.3 only, no early data (a Hello changes state), ALPN `homing/1`.
pub(crate) fn server_config(certificate: Certificate) -> Result<ServerConfig, CertificateError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(certificate.chain, certificate.key)?;
    config.alpn_protocols = vec![homing_wire::ALPN.to_vec()];
    config.ticketer = Ticketer::new()?;
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
