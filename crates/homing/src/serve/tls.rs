//! TLS settings of the server's ends.

use std::sync::Arc;

use rustls::ServerConfig;

use super::certificate::Certificate;
use super::error::StartError;

/// For HTTPS: HTTP/2 and HTTP/1.1, TLS 1.3 and, for older business systems, 1.2.
pub(super) fn https(certificate: &Certificate) -> Result<Arc<ServerConfig>, StartError> {
    let mut config = ServerConfig::builder_with_provider(crate::tls_provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(certificate.chain.clone(), certificate.key.clone_key())
        })
        .map_err(|error| StartError::Certificate(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
