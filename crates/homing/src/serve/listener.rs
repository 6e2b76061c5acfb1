//! Accepts HTTP connections, plain or TLS, within limits, and ends them gracefully.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// Connections of one listener at the same time; further ones wait in the kernel's backlog. Each costs some 30 kB.
const MAX_CONNECTIONS: usize = 4_096;
/// A TLS handshake takes two round trips; a client that needs longer is broken or hostile.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// The head of a request arrives within this, or the connection is closed (slow-loris).
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// HTTP/2 streams of one connection: a load balancer's or a business system's pool.
const MAX_STREAMS: u32 = 256;
/// A silent HTTP/2 peer is asked after this whether it is still there, and closed when it does not answer as long.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Pause after a failed accept (out of file descriptors): spinning would not free one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One listening socket with what it serves.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) router: Router,
}

impl Listener {
    /// Accepts until `stop`; connections finish their request in `tracker`.
    pub(super) async fn run(self, stop: CancellationToken, tracker: TaskTracker) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.accept(&places) => accepted,
            };
            match accepted {
                Ok((stream, peer, place)) => {
                    let (tls, router, stop) = (self.tls.clone(), self.router.clone(), stop.clone());
                    tracker.spawn(async move {
                        connection(stream, peer, tls, router, stop).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "an HTTP connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn accept(&self, places: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.socket.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer, place))
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    match tls {
        None => serve(stream, peer, router, stop).await,
        Some(tls) => match timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve(stream, peer, router, stop).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        },
    }
}

async fn serve<IO>(stream: IO, peer: SocketAddr, router: Router, stop: CancellationToken)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    let http2 = &mut builder.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS);
    http2.keep_alive_interval(Some(PING_EVERY)).keep_alive_timeout(PING_EVERY);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "an HTTP connection ended with an error");
    }
}
