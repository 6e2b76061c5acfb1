//! Against real servers on loopback.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;

use http::StatusCode;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn client(redirected: &[SocketAddr]) -> HttpOutbound {
    let redirected = redirected.iter().map(|address| format!("http://{address}")).collect();
    let settings = HttpSettings { redirected, connections_per_host: 1, ..HttpSettings::default() };
    HttpOutbound::new(settings, provider()).unwrap()
}

fn call(url: &str) -> Call {
    let request = Request::post(url).body(Bytes::from_static(b"hello")).unwrap();
    Call { request, identity: None, is_foreign: false, timeout: 10_000, answer_max: 64 }
}

fn unsent(answer: Result<Response<Bytes>, CallError>) -> String {
    match answer {
        Err(CallError::Unsent(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn unknown(answer: Result<Response<Bytes>, CallError>) -> String {
    match answer {
        Err(CallError::Unknown(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// A listener that reads one request of each connection and answers with these bytes; without any it says nothing and holds
/// the connection.
async fn speaks(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                if read_request(&mut connection).await.is_ok() && !answer.is_empty() {
                    connection.write_all(answer).await.unwrap();
                } else {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    address
}

async fn read_request(connection: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    while !read.ends_with(b"hello") {
        if connection.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(read)
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = speaks(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n").await;
    let answer = client(&[server]).call(call(&format!("http://{server}/a"))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(answer.headers()[header::LOCATION], "/elsewhere");
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit() {
    let fits = speaks(b"HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef").await;
    let outbound = client(&[fits]);
    assert_eq!(outbound.call(call(&format!("http://{fits}/"))).await.unwrap().body().len(), 64);
    let short = Call { answer_max: 63, ..call(&format!("http://{fits}/")) };
    assert!(unknown(outbound.call(short).await).contains("limit"));
}

#[tokio::test]
async fn a_slow_answer_is_unknown() {
    let silent = speaks(b"").await;
    let call = Call { timeout: 50, ..call(&format!("http://{silent}/")) };
    assert_eq!(unknown(client(&[silent]).call(call).await), "nothing within 50 ms");
}

#[tokio::test]
async fn a_slow_handshake_is_unsent() {
    // It takes connections and never says a word of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let call = Call { timeout: 50, ..call(&format!("https://{server}/")) };
    assert_eq!(unsent(client(&[]).call(call).await), "nothing within 50 ms");
}

#[tokio::test]
async fn a_refused_connection_is_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let why = unsent(client(&[nobody]).call(call(&format!("http://{nobody}/"))).await);
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_unsent() {
    unsent(client(&[]).call(call("https://nobody.invalid/")).await);
}

#[tokio::test]
async fn a_connection_cut_after_the_request_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let cutting = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        read_request(&mut connection).await.unwrap()
    });
    unknown(client(&[server]).call(call(&format!("http://{server}/"))).await);
    let request = String::from_utf8(cutting.await.unwrap()).unwrap();
    assert!(request.contains("user-agent: homing/"), "{request}");
}

#[tokio::test]
async fn plain_http_is_spoken_only_where_it_is_named() {
    let server = speaks(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://{server}/");
    assert_eq!(unsent(client(&[]).call(call(&url)).await), "only https is spoken there");
    let foreign = Call { is_foreign: true, ..call(&url) };
    assert!(client(&[]).call(foreign.clone()).await.is_err());
    assert!(client(&[server]).call(foreign).await.is_ok());
    for wrong in ["http://host/path", "host", "ftp://host"] {
        let settings = HttpSettings { redirected: [wrong.to_owned()].into(), ..HttpSettings::default() };
        assert_eq!(HttpOutbound::new(settings, provider()).unwrap_err().setting, "redirected", "{wrong}");
    }
}

#[tokio::test]
async fn a_url_from_outside_leads_to_no_address_inside() {
    let outbound = client(&[]);
    let foreign = |url: &str| Call { is_foreign: true, ..call(url) };
    for address in ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https://8.8.8.8/"] {
        assert_eq!(unsent(outbound.call(foreign(address)).await), "a name is asked for, not an address", "{address}");
    }
    let why = unsent(outbound.call(foreign("https://localhost/")).await);
    assert!(why.contains("no public address"), "{why}");
    // Numbers that the system would read as an address are no names of TLS.
    for number in ["https://127.1/", "https://2130706433/"] {
        unsent(outbound.call(foreign(number)).await);
    }
    let key = CallIdentity { chain: Vec::new(), key: Arc::from(&b""[..]) };
    let identified = Call { identity: Some(key), ..foreign("https://example.com/") };
    assert!(unsent(outbound.call(identified).await).contains("certificate"));
}

/// A certificate for loopback, its authority as a PEM file, and a configuration of a server that speaks HTTP/2.
struct Tls {
    ca: tempfile::NamedTempFile,
    server: Arc<ServerConfig>,
}

impl Tls {
    fn new() -> Self {
        Self::asking(|_| WebPkiClientVerifier::no_client_auth())
    }

    /// A server that wants its clients to have certificates of their own authority.
    fn of_identified(clients: &CertifiedIssuer<'_, KeyPair>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(clients.der().clone()).unwrap();
        Self::asking(|provider| WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap())
    }

    fn asking(clients: impl FnOnce(Arc<CryptoProvider>) -> Arc<dyn ClientCertVerifier>) -> Self {
        let authority = authority();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &authority).unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), authority.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients(provider()))
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec()];
        Self { ca, server: Arc::new(server) }
    }

    fn client(&self) -> HttpOutbound {
        let extra_ca = Some(self.ca.path().to_owned());
        let settings = HttpSettings { extra_ca, connections_per_host: 1, ..HttpSettings::default() };
        HttpOutbound::new(settings, provider()).unwrap()
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
}

fn identity(authority: &CertifiedIssuer<'_, KeyPair>) -> CallIdentity {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["app".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    CallIdentity { chain: vec![leaf.der().to_vec().into()], key: key.serialize_der().into() }
}

/// What an HTTP/2 server does with each stream.
#[derive(Clone, Copy)]
enum Does {
    Answer,
    Refuse,
    Cut,
}

async fn serve_h2(tls: &Tls, does: Does) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let (acceptor, counted) = (TlsAcceptor::from(tls.server.clone()), connections.clone());
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let Ok(connection) = acceptor.accept(connection).await else { return };
                let mut connection = h2::server::handshake(connection).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    match does {
                        Does::Answer => drop(respond.send_response(Response::new(()), true).unwrap()),
                        Does::Refuse => respond.send_reset(h2::Reason::REFUSED_STREAM),
                        Does::Cut => return,
                    }
                }
            });
        }
    });
    (address, connections)
}

#[tokio::test]
async fn an_http2_connection_is_used_again() {
    let tls = Tls::new();
    let (server, connections) = serve_h2(&tls, Does::Answer).await;
    let outbound = tls.client();
    for _ in 0..20 {
        let answer = outbound.call(call(&format!("https://{server}/"))).await.unwrap();
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, http::Version::HTTP_2));
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_identity_has_connections_of_its_own() {
    let clients = authority();
    let tls = Tls::of_identified(&clients);
    let (server, connections) = serve_h2(&tls, Does::Answer).await;
    let outbound = tls.client();
    let url = format!("https://{server}/");
    for app in [identity(&clients), identity(&clients)] {
        for _ in 0..3 {
            let call = Call { identity: Some(app.clone()), ..call(&url) };
            assert_eq!(outbound.call(call).await.unwrap().status(), StatusCode::OK);
        }
    }
    assert_eq!(connections.load(Ordering::Relaxed), 2);
    assert!(outbound.call(call(&url)).await.is_err());
    let broken = CallIdentity { key: Arc::from(&b"no key"[..]), ..identity(&clients) };
    unsent(outbound.call(Call { identity: Some(broken), ..call(&url) }).await);
}

#[tokio::test]
async fn an_unknown_certificate_is_unsent() {
    let tls = Tls::new();
    let (server, _) = serve_h2(&tls, Does::Answer).await;
    let why = unsent(client(&[]).call(call(&format!("https://{server}/"))).await);
    assert!(why.contains("certificate"), "{why}");
}

#[tokio::test]
async fn a_refused_stream_is_unsent() {
    let tls = Tls::new();
    let (server, _) = serve_h2(&tls, Does::Refuse).await;
    let why = unsent(tls.client().call(call(&format!("https://{server}/"))).await);
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_stream_cut_with_its_connection_is_unknown() {
    let tls = Tls::new();
    let (server, _) = serve_h2(&tls, Does::Cut).await;
    unknown(tls.client().call(call(&format!("https://{server}/"))).await);
}
