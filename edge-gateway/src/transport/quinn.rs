//! QUIC version 1.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use homing_credentials::FleetSecret;
use homing_domain::ServerId;
use homing_link::Transport;
use homing_wire::CloseCode;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, EndpointConfig, IdleTimeout, RecvStream, SendStream, TransportConfig, VarInt};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};

use super::Channel;
use super::connection_id::RoutableIds;
use crate::keys::RetryKeys;

/// Unread bytes of the one stream: twice the largest frame.
const STREAM_WINDOW: u32 = 16 * 1_024;
/// Unread bytes of a connection.
const CONNECTION_WINDOW: u32 = 32 * 1_024;
/// Bytes that were written and not acknowledged.
const SEND_WINDOW: u64 = 64 * 1_024;
/// Handshake bytes out of order: a client's fit well.
const CRYPTO_BUFFER: usize = 8 * 1_024;
/// Longer than the longest heartbeat; the link decides sooner whether a device is dead.
const IDLE_TIMEOUT_MS: u32 = 660_000;
/// Connections that wait to be admitted, and what is kept of each and of all.
const MAX_INCOMING: usize = 1_024;
const INCOMING_BUFFER: u64 = 8 * 1_024;
const INCOMING_BUFFER_TOTAL: u64 = 4 * 1_024 * 1_024;
/// Of the one UDP socket, as far as the system allows: a burst of a few thousand packets.
const SOCKET_BUFFER: usize = 4 * 1_024 * 1_024;
/// Read at once.
const READ_MAX: usize = 4 * 1_024;
/// How long the Close frame may take to be acknowledged.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Binds an endpoint.
pub(crate) fn listen(
    address: SocketAddr,
    tls: ServerConfig,
    server_id: ServerId,
    secret: &FleetSecret,
    retry_keys: RetryKeys,
) -> io::Result<Endpoint> {
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut server = quinn::ServerConfig::new(Arc::new(crypto), Arc::new(retry_keys));
    server
        .transport_config(Arc::new(transport_config()))
        .migration(true)
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL);
    let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &secret.derive("stateless-reset", &server_id.0));
    let mut endpoint = EndpointConfig::new(Arc::new(reset_key));
    endpoint.cid_generator(move || Box::new(RoutableIds(server_id)));
    // Version 1 only: load balancers pass nothing else through.
    endpoint.supported_versions(vec![1]);
    Endpoint::new(endpoint, Some(server), bind(address)?, Arc::new(quinn::TokioRuntime))
}

fn bind(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // The system may allow less.
    drop(socket.set_recv_buffer_size(SOCKET_BUFFER));
    drop(socket.set_send_buffer_size(SOCKET_BUFFER));
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn transport_config() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .crypto_buffer_size(CRYPTO_BUFFER)
        .mtu_discovery_config(None)
        .keep_alive_interval(None)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))));
    config
}

/// Waits for the device's one stream. The caller limits the time.
pub(crate) async fn open(connection: Connection) -> io::Result<QuicChannel> {
    let (send, receive) = connection.accept_bi().await?;
    Ok(QuicChannel { connection, send, receive })
}

/// A connection with its stream.
#[derive(Debug)]
pub(crate) struct QuicChannel {
    connection: Connection,
    send: SendStream,
    receive: RecvStream,
}

impl Channel for QuicChannel {
    const TRANSPORT: Transport = Transport::Quic;

    fn exporter(&self) -> io::Result<[u8; 32]> {
        let mut bytes = [0; 32];
        self.connection
            .export_keying_material(&mut bytes, homing_credentials::EXPORTER_LABEL, b"")
            .map_err(|_| io::Error::other("the session gives no keying material"))?;
        Ok(bytes)
    }

    fn remote(&self) -> Option<SocketAddr> {
        Some(self.connection.remote_address())
    }

    async fn read(&mut self) -> io::Result<Option<Bytes>> {
        let chunk = self.receive.read_chunk(READ_MAX, true).await?;
        Ok(chunk.map(|chunk| chunk.bytes))
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        Ok(self.send.write_all(bytes).await?)
    }

    async fn close(mut self, code: CloseCode) {
        // A close of the connection throws away what is not acknowledged yet, the Close frame too.
        if self.send.finish().is_ok() {
            drop(tokio::time::timeout(CLOSE_WITHIN, self.send.stopped()).await);
        }
        self.connection.close(VarInt::from_u32(code as u32), b"");
    }
}
