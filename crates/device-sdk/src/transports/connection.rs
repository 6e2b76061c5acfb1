//! One transport connection: an ordered stream of bytes, and the exporter of its TLS session.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use homing_credentials::EXPORTER_LABEL;
use homing_link::Transport;
use homing_wire::CloseCode;
use quinn::{ConnectionError, Endpoint, ReadError, RecvStream, SendStream, VarInt};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// Most bytes taken at once; on the stack, so that an idle link holds no buffer.
const READ_BYTES: usize = 4 * 1_024;
/// A gateway that takes no bytes for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a goodbye may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there are no more bytes.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The gateway closed the QUIC connection with one of the link's codes.
    Closed(CloseCode),
    /// Anything else.
    Lost,
}

pub(crate) struct Connection {
    stream: Stream,
    exporter: [u8; 32],
}

enum Stream {
    Quic { connection: quinn::Connection, endpoint: Endpoint, send: SendStream, receive: RecvStream },
    Tcp(Box<TlsStream<TcpStream>>),
}

impl Connection {
    pub(super) async fn quic(connection: quinn::Connection, endpoint: Endpoint) -> io::Result<Self> {
        let mut exporter = [0; 32];
        connection
            .export_keying_material(&mut exporter, EXPORTER_LABEL, b"")
            .map_err(|_| io::Error::other("the TLS session exports nothing"))?;
        let (send, receive) = connection.open_bi().await?;
        Ok(Self { stream: Stream::Quic { connection, endpoint, send, receive }, exporter })
    }

    pub(super) fn tcp(tls: TlsStream<TcpStream>) -> io::Result<Self> {
        let session = tls.get_ref().1;
        if session.alpn_protocol() != Some(homing_wire::ALPN) {
            return Err(io::Error::other("the other end does not speak the protocol"));
        }
        let exporter = session.export_keying_material([0; 32], EXPORTER_LABEL, Some(b"")).map_err(io::Error::other)?;
        Ok(Self { stream: Stream::Tcp(Box::new(tls)), exporter })
    }

    pub(crate) const fn transport(&self) -> Transport {
        match self.stream {
            Stream::Quic { .. } => Transport::Quic,
            Stream::Tcp(_) => Transport::Tcp,
        }
    }

    pub(crate) const fn exporter(&self) -> &[u8; 32] {
        &self.exporter
    }

    /// The next bytes, never none of them. Can be cancelled without loss.
    pub(crate) async fn read(&mut self) -> Result<Bytes, Broken> {
        match &mut self.stream {
            Stream::Quic { receive, .. } => match receive.read_chunk(READ_BYTES, true).await {
                Ok(Some(chunk)) => Ok(chunk.bytes),
                Ok(None) => Err(Broken::Lost),
                Err(ReadError::ConnectionLost(ConnectionError::ApplicationClosed(close))) => {
                    Err(broken(close.error_code))
                }
                Err(_) => Err(Broken::Lost),
            },
            Stream::Tcp(tls) => {
                let read = poll_fn(|context| {
                    let mut space = [0; READ_BYTES];
                    let mut buffer = ReadBuf::new(&mut space);
                    ready!(Pin::new(&mut **tls).poll_read(context, &mut buffer))?;
                    Poll::Ready(io::Result::Ok(Bytes::copy_from_slice(buffer.filled())))
                });
                read.await.ok().filter(|bytes| !bytes.is_empty()).ok_or(Broken::Lost)
            }
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let write = async {
            match &mut self.stream {
                Stream::Quic { send, .. } => send.write_all(bytes).await.map_err(io::Error::from),
                Stream::Tcp(tls) => {
                    tls.write_all(bytes).await?;
                    tls.flush().await
                }
            }
        };
        match timeout(WRITE_TIMEOUT, write).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Broken::Lost),
        }
    }

    /// Ends it after what was written has arrived, or after a moment.
    pub(crate) async fn say_goodbye(mut self, code: CloseCode) {
        let goodbye = async {
            match &mut self.stream {
                Stream::Quic { send, .. } => {
                    if send.finish().is_ok() {
                        // Whether it arrived or was stopped: there is nothing more to wait for.
                        let _ = send.stopped().await;
                    }
                }
                Stream::Tcp(tls) => {
                    let _ = tls.shutdown().await;
                }
            }
        };
        // A goodbye that takes too long is given up; the gateway's heartbeat clock finds out.
        let _ = timeout(GOODBYE_TIMEOUT, goodbye).await;
        if let Stream::Quic { connection, .. } = &self.stream {
            connection.close(VarInt::from_u32(code as u32), b"");
        }
    }

    /// Moves to a new local port.
    pub(crate) fn rebind(&self) -> io::Result<()> {
        let Stream::Quic { endpoint, .. } = &self.stream else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the link runs on TCP"));
        };
        let local = SocketAddr::new(endpoint.local_addr()?.ip(), 0);
        endpoint.rebind(UdpSocket::bind(local)?)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.transport())
    }
}

fn broken(code: VarInt) -> Broken {
    let code = i32::try_from(code.into_inner()).ok().and_then(|code| CloseCode::try_from(code).ok());
    code.map_or(Broken::Lost, Broken::Closed)
}
