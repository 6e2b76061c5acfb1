//! A device that says whatever a test wants it to say.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use homing_credentials::{EXPORTER_LABEL, hello_auth};
use homing_domain::{ConnSeq, DeviceId, FeedOffset, Seq};
use homing_link::Transport;
use homing_wire::{ALPN, Ack, Close, CloseCode, Decoder, Frame, Hello, Push, Recall, Skip, Welcome, encode};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::{PATIENCE, World};

/// The stream of one connection.
enum Stream {
    Tcp(Box<TlsStream<TcpStream>>),
    Quic { endpoint: Endpoint, connection: Connection, send: SendStream, receive: RecvStream },
}

/// A connection without manners.
pub(crate) struct Raw {
    stream: Stream,
    decoder: Decoder,
}

pub(crate) fn client_config(
    certificate: &CertificateDer<'static>,
    alpn: &[u8],
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = if alpn.is_empty() { vec![] } else { vec![alpn.to_vec()] };
    config
}

pub(crate) async fn tls(address: SocketAddr, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

pub(crate) fn quic_endpoint(config: ClientConfig) -> Endpoint {
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let crypto = QuicClientConfig::try_from(config).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    endpoint
}

impl Raw {
    pub(crate) async fn connect(world: &World, transport: Transport) -> Self {
        let config = client_config(&world.certificate, ALPN, &[&rustls::version::TLS13]);
        Self::connect_with(world.gateway.local_addr(), transport, config).await.unwrap()
    }

    /// With tickets and trust of one's own.
    pub(crate) async fn connect_with(
        address: SocketAddr,
        transport: Transport,
        config: ClientConfig,
    ) -> std::io::Result<Self> {
        let stream = match transport {
            Transport::Tcp => Stream::Tcp(Box::new(tls(address, config).await?)),
            Transport::Quic => {
                let endpoint = quic_endpoint(config);
                let connection = endpoint.connect(address, "localhost").map_err(std::io::Error::other)?.await?;
                let (send, receive) = connection.open_bi().await?;
                Stream::Quic { endpoint, connection, send, receive }
            }
        };
        Ok(Self { stream, decoder: Decoder::new() })
    }

    /// Connects, says Hello and waits for the Welcome.
    pub(crate) async fn join(world: &World, transport: Transport, device: DeviceId, conn_seq: ConnSeq) -> Self {
        Self::resume(world, transport, device, conn_seq, 0).await.0
    }

    pub(crate) async fn resume(
        world: &World,
        transport: Transport,
        device: DeviceId,
        conn_seq: ConnSeq,
        last_seq: Seq,
    ) -> (Self, Welcome) {
        let mut raw = Self::connect(world, transport).await;
        let welcome = raw.greet(world, device, conn_seq, last_seq).await;
        (raw, welcome)
    }

    /// Says Hello and waits for the Welcome.
    pub(crate) async fn greet(&mut self, world: &World, device: DeviceId, conn_seq: ConnSeq, last_seq: Seq) -> Welcome {
        let hello = self.hello(world, device, conn_seq, last_seq);
        self.send(hello).await;
        match self.next().await {
            Some(Frame::Welcome(welcome)) => welcome,
            other => panic!("no Welcome but {other:?}"),
        }
    }

    /// Joins as a device that keeps its place in the feed, which is this.
    pub(crate) async fn join_feed(
        world: &World,
        transport: Transport,
        device: DeviceId,
        conn_seq: ConnSeq,
        feed_offset: FeedOffset,
    ) -> Self {
        let mut raw = Self::connect(world, transport).await;
        let hello = Hello { feed_offset, reads_feed: true, ..raw.hello(world, device, conn_seq, 0) };
        raw.send(hello).await;
        match raw.next().await {
            Some(Frame::Welcome(_)) => raw,
            other => panic!("no Welcome but {other:?}"),
        }
    }

    /// Says that everything of the feed up to here is safe.
    pub(crate) async fn ack_feed(&mut self, feed_offset: FeedOffset) {
        self.send(Ack { seq: 0, receipts: vec![], feed_offset }).await;
    }

    pub(crate) fn hello(&self, world: &World, device: DeviceId, conn_seq: ConnSeq, last_seq: Seq) -> Hello {
        let auth = hello_auth(&world.secret(device), &self.exporter(), device, 1, 1, conn_seq);
        Hello {
            device: Bytes::copy_from_slice(device.as_bytes()),
            app: world.app_of(device).as_str().to_owned(),
            epoch: 1,
            last_seq,
            conn_seq,
            key_id: 1,
            credential_generation: 1,
            auth: Bytes::copy_from_slice(&auth),
            ..Hello::default()
        }
    }

    pub(crate) fn exporter(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        match &self.stream {
            Stream::Tcp(stream) => {
                stream.get_ref().1.export_keying_material(&mut bytes, EXPORTER_LABEL, Some(&[])).unwrap();
            }
            Stream::Quic { connection, .. } => {
                connection.export_keying_material(&mut bytes, EXPORTER_LABEL, b"").unwrap();
            }
        }
        bytes
    }

    pub(crate) async fn send(&mut self, frame: impl Into<Frame>) {
        let mut bytes = BytesMut::new();
        encode(&frame.into(), &mut bytes);
        self.send_bytes(&bytes).await;
    }

    /// The other end may have closed already, which is for the test to see in what it receives.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        match &mut self.stream {
            Stream::Tcp(stream) => {
                drop(stream.write_all(bytes).await);
                drop(stream.flush().await);
            }
            Stream::Quic { send, .. } => drop(send.write_all(bytes).await),
        }
    }

    /// The next frame; `None` at the connection's end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        tokio::time::timeout(PATIENCE, self.read_frame()).await.expect("a frame or the end comes in time")
    }

    async fn read_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            let mut buffer = [0; 2_048];
            let read = match &mut self.stream {
                Stream::Tcp(stream) => stream.read(&mut buffer).await.unwrap_or(0),
                Stream::Quic { receive, .. } => receive.read(&mut buffer).await.ok().flatten().unwrap_or(0),
            };
            if read == 0 {
                return None;
            }
            self.decoder.feed(&buffer[..read]);
        }
    }

    pub(crate) async fn push(&mut self) -> Push {
        match self.next().await {
            Some(Frame::Push(push)) => push,
            other => panic!("no Push but {other:?}"),
        }
    }

    pub(crate) async fn recall(&mut self) -> Recall {
        match self.next().await {
            Some(Frame::Recall(recall)) => recall,
            other => panic!("no Recall but {other:?}"),
        }
    }

    pub(crate) async fn skip(&mut self) -> Skip {
        match self.next().await {
            Some(Frame::Skip(skip)) => skip,
            other => panic!("no Skip but {other:?}"),
        }
    }

    /// Reads on until the push with this number.
    pub(crate) async fn push_number(&mut self, seq: Seq) -> Push {
        loop {
            let push = self.push().await;
            if push.seq >= seq {
                return push;
            }
        }
    }

    pub(crate) async fn ack(&mut self, seq: Seq) {
        self.send(Ack { seq, receipts: vec![], feed_offset: 0 }).await;
    }

    /// Reads on until the Close frame, and checks that the transport ends with the same code.
    pub(crate) async fn closed(&mut self) -> Close {
        let close = loop {
            match self.next().await {
                Some(Frame::Close(close)) => break close,
                Some(_) => {}
                None => panic!("the link ended without a Close frame"),
            }
        };
        assert_eq!(self.next().await, None, "nothing follows a Close");
        if let Stream::Quic { connection, .. } = &self.stream {
            let reason = tokio::time::timeout(PATIENCE, connection.closed()).await.unwrap();
            match reason {
                quinn::ConnectionError::ApplicationClosed(reason) => {
                    assert_eq!(reason.error_code.into_inner(), u64::try_from(close.code).unwrap());
                }
                other => panic!("closed by {other}"),
            }
        }
        close
    }

    pub(crate) async fn expect_close(&mut self, code: CloseCode) -> Close {
        let close = self.closed().await;
        assert_eq!(CloseCode::try_from(close.code), Ok(code));
        close
    }

    /// Moves to another address (QUIC).
    pub(crate) fn rebind(&self) {
        if let Stream::Quic { endpoint, .. } = &self.stream {
            endpoint.rebind(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        }
    }
}
