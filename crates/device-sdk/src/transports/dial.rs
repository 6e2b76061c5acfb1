//! Getting a connection: one transport first, the other a moment later, whoever is through first.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use homing_link::Transport;
use rustls::pki_types::ServerName;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::{Connection, Preference, Transports};
use crate::identity::Route;

/// Head start of the first transport: a handshake takes 1 to 2 round trips, which is less than this on most networks.
const HEAD_START: Duration = Duration::from_millis(400);
/// How long one address may take, before the next one is tried.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("{transport} to {address}: {source}")]
    Handshake { transport: Transport, address: SocketAddr, source: io::Error },
    #[error("no gateway is known")]
    NoRoute,
    #[error("{host} has no address: {source}")]
    Name { host: String, source: io::Error },
}

/// Connects, trying `first` first.
pub(crate) async fn dial(
    transports: Arc<Transports>,
    route: Route,
    preference: Preference,
    first: Transport,
) -> Result<Connection, DialError> {
    let addresses = resolve(&route).await?;
    let first = match preference {
        Preference::Only(only) => return by(&transports, &route, &addresses, only).await,
        Preference::Both => first,
    };
    let other = match first {
        Transport::Quic => Transport::Tcp,
        Transport::Tcp => Transport::Quic,
    };
    let mut one = pin!(by(&transports, &route, &addresses, first));
    let mut two = pin!(by(&transports, &route, &addresses, other));
    tokio::select! {
        result = &mut one => return match result {
            Ok(connection) => Ok(connection),
            Err(_) => two.await,
        },
        () = sleep(HEAD_START) => {}
    }
    tokio::select! {
        result = &mut one => match result {
            Ok(connection) => Ok(connection),
            Err(_) => two.await,
        },
        result = &mut two => match result {
            Ok(connection) => Ok(connection),
            Err(_) => one.await,
        },
    }
}

async fn resolve(route: &Route) -> Result<Vec<SocketAddr>, DialError> {
    let name = |source| DialError::Name { host: route.host.clone(), source };
    let found = tokio::net::lookup_host((&*route.host, route.port)).await.map_err(name)?;
    let mut addresses: Vec<_> = found.take(ADDRESSES_MAX).collect();
    // IPv4 first: where both exist it is the one that is more often whole.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    if addresses.is_empty() {
        return Err(name(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

async fn by(
    transports: &Transports,
    route: &Route,
    addresses: &[SocketAddr],
    transport: Transport,
) -> Result<Connection, DialError> {
    let mut last = None;
    for address in addresses {
        let handshake = async {
            match transport {
                Transport::Quic => quic(transports, route, *address).await,
                Transport::Tcp => tcp(transports, route, *address).await,
            }
        };
        let result = timeout(HANDSHAKE_TIMEOUT, handshake).await;
        match result.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(connection) => return Ok(connection),
            Err(source) => last = Some(DialError::Handshake { transport, address: *address, source }),
        }
    }
    Err(last.expect("there is at least one address"))
}

async fn quic(transports: &Transports, route: &Route, address: SocketAddr) -> io::Result<Connection> {
    let endpoint = transports.endpoint(address)?;
    let connecting = endpoint.connect(address, &route.server_name).map_err(io::Error::other)?;
    Connection::quic(connecting.await?, endpoint).await
}

async fn tcp(transports: &Transports, route: &Route, address: SocketAddr) -> io::Result<Connection> {
    let name = ServerName::try_from(route.server_name.clone()).map_err(io::Error::other)?;
    let stream = transports.tcp(address).await?;
    Connection::tcp(TlsConnector::from(Arc::clone(&transports.tls)).connect(name, stream).await?)
}
