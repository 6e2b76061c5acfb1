//! A server on loopback that hands each request to whoever plays it now.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

use crate::actual::{Actual, MEANT};

/// A request that waits for its answer.
pub(crate) struct Waiting {
    pub(crate) actual: Actual,
    pub(crate) answer: oneshot::Sender<http::Response<Bytes>>,
}

/// Listens with a certificate whose authority it writes to `ca`. HTTP/2 and HTTP/1.1, as the client likes.
pub(crate) async fn start(
    ca: &Path,
    provider: Arc<CryptoProvider>,
    waiting: mpsc::Sender<Waiting>,
) -> Result<SocketAddr> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(ca, provider)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (acceptor, waiting) = (acceptor.clone(), waiting.clone());
            tokio::spawn(async move {
                let Ok(connection) = acceptor.accept(connection).await else { return };
                let service = service_fn(move |request| hand_over(request, waiting.clone()));
                // An end of the connection is the client's affair: it says so there.
                drop(
                    auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(connection), service).await,
                );
            });
        }
    });
    Ok(address)
}

async fn hand_over(
    request: http::Request<Incoming>,
    waiting: mpsc::Sender<Waiting>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let answered = async {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let origin = parts.headers.remove(MEANT).and_then(|meant| Some(meant.to_str().ok()?.to_owned()));
        let actual = Actual {
            method: parts.method.to_string(),
            origin: origin.unwrap_or_default(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
        };
        let (answer, answered) = oneshot::channel();
        waiting.send(Waiting { actual, answer }).await.ok()?;
        answered.await.ok()
    };
    let answer = answered.await.unwrap_or_else(|| {
        let mut nobody = http::Response::new(Bytes::from_static(b"nobody plays this server now"));
        *nobody.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        nobody
    });
    Ok(answer.map(Full::new))
}

fn tls(ca: &Path, provider: Arc<CryptoProvider>) -> Result<ServerConfig> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    std::fs::write(ca, authority.pem())?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
