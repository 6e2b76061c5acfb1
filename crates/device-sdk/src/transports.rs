//! Sockets and trust, for one device or for thousands in one process.

mod connection;
mod dial;
mod tls;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use homing_link::Transport;
use quinn::{Endpoint, EndpointConfig, TokioRuntime};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

pub(crate) use connection::{Broken, Connection};
pub(crate) use dial::{DialError, dial};
pub use tls::{TransportsError, Trust};

/// What a UDP socket that thousands of devices share may hold: one small datagram for each of some 5,000 of them, because a
/// push to all comes in one burst and a lost datagram costs a second.
const SHARED_SOCKET_BUFFER: usize = 4 * 1_024 * 1_024;

/// Which transports a device uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// QUIC, and TCP beside it 400 ms later; on a network where one came first lately, that one first.
    #[default]
    Both,
    /// Only this one.
    Only(Transport),
}

/// Local sockets and TLS settings. Devices that share one share its UDP sockets.
pub struct Transports {
    tls: Arc<rustls::ClientConfig>,
    quic: quinn::ClientConfig,
    /// Local addresses, used in turn; empty = the system chooses.
    sources: Vec<IpAddr>,
    next_source: AtomicUsize,
    endpoints: Mutex<HashMap<IpAddr, Endpoint>>,
}

impl Transports {
    /// With one UDP socket per address family, opened when it is needed.
    ///
    /// # Errors
    /// [`TransportsError`]: the certificates are of no use.
    pub fn new(trust: Trust) -> Result<Arc<Self>, TransportsError> {
        Self::with_sources(trust, Vec::new())
    }

    /// With one UDP socket for each of these local addresses, and TCP connections from them in turn: for load tests,
    /// where one address would run out of ports.
    ///
    /// # Errors
    /// [`TransportsError`]: the certificates are of no use.
    pub fn with_sources(trust: Trust, sources: Vec<IpAddr>) -> Result<Arc<Self>, TransportsError> {
        let tls = tls::client_config(trust)?;
        let quic = tls::quic_config(tls.clone())?;
        let next_source = AtomicUsize::new(0);
        let endpoints = Mutex::default();
        Ok(Arc::new(Self { tls: Arc::new(tls), quic, sources, next_source, endpoints }))
    }

    fn source(&self, remote: SocketAddr) -> Option<IpAddr> {
        let fitting: Vec<_> = self.sources.iter().filter(|source| source.is_ipv4() == remote.is_ipv4()).collect();
        let turn = self.next_source.fetch_add(1, Ordering::Relaxed);
        fitting.get(turn.checked_rem(fitting.len())?).map(|source| **source)
    }

    fn endpoint(&self, remote: SocketAddr) -> io::Result<Endpoint> {
        let any = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let local = self.source(remote).unwrap_or(any);
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = endpoints.get(&local) {
            return Ok(endpoint.clone());
        }
        let socket = UdpSocket::bind(SocketAddr::new(local, 0))?;
        if !self.sources.is_empty() {
            // The system may give less; what does not fit then is sent again.
            drop(SockRef::from(&socket).set_recv_buffer_size(SHARED_SOCKET_BUFFER));
        }
        let mut endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))?;
        endpoint.set_default_client_config(self.quic.clone());
        endpoints.insert(local, endpoint.clone());
        Ok(endpoint)
    }

    async fn tcp(&self, remote: SocketAddr) -> io::Result<TcpStream> {
        let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(source) = self.source(remote) {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(remote).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transports").field("sources", &self.sources).finish_non_exhaustive()
    }
}
