//! TLS 1.3 over TCP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use bytes::Bytes;
use homing_link::Transport;
use homing_wire::CloseCode;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Channel;

/// Connections that the kernel holds until they are accepted: a second's worth of a storm.
const BACKLOG: i32 = 2_048;
/// What the kernel buffers of one connection, each way: a device that does not read costs no more.
const SOCKET_BUFFER: usize = 64 * 1_024;
/// Read at once; lives on the stack of one poll only.
const READ_BUFFER: usize = 4 * 1_024;
/// How long a closed connection may take to end, and what it may still send meanwhile: bytes left unread would turn the
/// close into a reset, which can overtake the Close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
const CLOSE_MAX_READS: usize = 64;

/// Binds a listener.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Makes the TLS handshake. The caller limits its time.
pub(crate) async fn handshake(config: Arc<ServerConfig>, stream: TcpStream) -> io::Result<TlsChannel> {
    stream.set_nodelay(true)?;
    let remote = stream.peer_addr().ok();
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    // A client that offers no protocol at all passes the TLS library.
    if stream.get_ref().1.alpn_protocol() != Some(homing_wire::ALPN) {
        return Err(io::Error::other("the client speaks no homing/1"));
    }
    Ok(TlsChannel { stream: Box::new(stream), remote })
}

/// A connection.
#[derive(Debug)]
pub(crate) struct TlsChannel {
    /// Boxed, for it is more than a kilobyte and moves through several tasks' states, each of which would hold a place.
    stream: Box<TlsStream<TcpStream>>,
    /// Never another one in a connection's life.
    remote: Option<SocketAddr>,
}

impl Channel for TlsChannel {
    const TRANSPORT: Transport = Transport::Tcp;

    fn exporter(&self) -> io::Result<[u8; 32]> {
        let label = homing_credentials::EXPORTER_LABEL;
        let (_, session) = self.stream.get_ref();
        // An empty context and none are the same in TLS 1.3.
        session.export_keying_material([0; 32], label, Some(&[])).map_err(io::Error::other)
    }

    fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    async fn read(&mut self) -> io::Result<Option<Bytes>> {
        std::future::poll_fn(|context| {
            let mut memory = [0; READ_BUFFER];
            let mut buffer = ReadBuf::new(&mut memory);
            ready!(Pin::new(&mut *self.stream).poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            Ok((!bytes.is_empty()).then(|| Bytes::copy_from_slice(bytes))).into()
        })
        .await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn close(mut self, _: CloseCode) {
        let ending = async {
            self.stream.shutdown().await?;
            for _ in 0..CLOSE_MAX_READS {
                if self.read().await?.is_none() {
                    break;
                }
            }
            io::Result::Ok(())
        };
        // Whatever goes wrong here, the connection is dropped next.
        drop(tokio::time::timeout(CLOSE_WITHIN, ending).await);
    }
}
