//! TLS 1.3 with one explicit provider, on both transports alike.

use std::sync::Arc;
use std::time::Duration;

use homing_wire::ALPN;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// Above every heartbeat interval: the link's own heartbeat finds a dead path.
const QUIC_IDLE_TIMEOUT: Duration = Duration::from_secs(660);
/// The gateway's window is 64 KiB of payloads; this leaves room for their frames.
const STREAM_WINDOW_BYTES: u32 = 96 * 1_024;

/// Whose certificates a device believes.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The platform's.
    Platform,
    /// The platform's and these.
    PlatformAnd(Vec<CertificateDer<'static>>),
    /// These and no others: a development certificate.
    Only(Vec<CertificateDer<'static>>),
}

impl Trust {
    /// Only the certificates of a PEM text.
    ///
    /// # Errors
    /// [`TransportsError::Certificate`].
    pub fn only_pem(pem: &[u8]) -> Result<Self, TransportsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(Self::Only(certificates)),
            _ => Err(TransportsError::Certificate),
        }
    }
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TransportsError {
    /// No certificate in the PEM text, or a malformed one.
    #[error("the PEM text holds no certificate")]
    Certificate,
    /// What the TLS library says.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

pub(super) fn client_config(trust: Trust) -> Result<ClientConfig, TransportsError> {
    let provider = Arc::new(provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = match trust {
        Trust::Only(certificates) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates {
                roots.add(certificate)?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::Platform => platform(builder, Verifier::new(provider)?),
        Trust::PlatformAnd(extra) => platform(builder, Verifier::new_with_extra_roots(extra, provider)?),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

pub(super) fn quic_config(tls: ClientConfig) -> Result<quinn::ClientConfig, TransportsError> {
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls)
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut transport = quinn::TransportConfig::default();
    let idle = QUIC_IDLE_TIMEOUT.try_into().map_err(|_| rustls::Error::General("idle timeout".into()))?;
    transport
        .max_concurrent_bidi_streams(0_u8.into())
        .max_concurrent_uni_streams(0_u8.into())
        .max_idle_timeout(Some(idle))
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(STREAM_WINDOW_BYTES.into())
        .send_window(u64::from(STREAM_WINDOW_BYTES))
        .datagram_receive_buffer_size(None)
        .mtu_discovery_config(None);
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// Explicit, so that neither the process's default nor a feature that another crate turns on changes the handshake.
fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::CryptoProvider {
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1],
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..aws_lc_rs::default_provider()
    }
}

fn platform(builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, verifier: Verifier) -> ClientConfig {
    builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
}
