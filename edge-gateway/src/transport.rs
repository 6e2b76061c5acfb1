//! What carries a link: the narrow seam behind which the transports stand (ADR 0005).

pub(crate) mod connection_id;
pub(crate) mod quinn;
pub(crate) mod tcp;

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use homing_link::Transport;
use homing_wire::CloseCode;

/// One encrypted, authenticated connection with one ordered stream each way. Dropping it ends it at once.
pub(crate) trait Channel: Send + 'static {
    /// What it is.
    const TRANSPORT: Transport;

    /// 32 bytes that only the two ends of this session know.
    fn exporter(&self) -> io::Result<[u8; 32]>;

    /// Where the device is, as seen from here; over QUIC it may move. `None` = the transport cannot tell.
    fn remote(&self) -> Option<SocketAddr>;

    /// Some bytes, `None` at the stream's end. May be dropped and called again: nothing is lost. Holds no buffer while it
    /// waits.
    fn read(&mut self) -> impl Future<Output = io::Result<Option<Bytes>>> + Send;

    /// Hands all bytes to the transport, waiting while its own bounded buffer is full.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Ends the connection in order: what was written is given a moment to arrive.
    fn close(self, code: CloseCode) -> impl Future<Output = ()> + Send;
}
