//! A gateway that does what a test tells it, over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use homing_credentials::{DeviceSecret, EXPORTER_LABEL, verify_hello};
use homing_device_sdk::{Backoff, Identity, Route, Transport, Transports, Trust};
use homing_domain::DeviceId;
use homing_wire::{Ack, Close, CloseCode, Decoder, Frame, HeartbeatConfig, Hello, Push, Resumption, Welcome, encode};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub(crate) const EPOCH: u64 = 7;
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Where the fake listens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listens {
    Both,
    Only(Transport),
}

/// A connection that has said Hello.
pub(crate) struct Peer {
    pub(crate) hello: Hello,
    pub(crate) transport: Transport,
    pub(crate) quic: Option<quinn::Connection>,
    frames: mpsc::Receiver<Frame>,
    output: mpsc::Sender<Vec<Frame>>,
}

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: CertificateDer<'static>,
    peers: mpsc::Receiver<Peer>,
    /// Keeps the other transport's port, if the fake is deaf on it, from anybody else.
    _deaf: Option<std::net::UdpSocket>,
}

pub(crate) fn identity() -> Identity {
    Identity {
        app: "demo".parse().unwrap(),
        device: DeviceId::from_bytes([9; 16]),
        secret: DeviceSecret::new([3; 32]),
        key_id: 1,
        credential_generation: 2,
        epoch: EPOCH,
    }
}

/// Short waits, so that tests are quick.
pub(crate) const QUICK: Backoff = Backoff { after_loss: 20, base: 20, cap: 200 };

pub(crate) fn push(seq: u64) -> Frame {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&seq.to_be_bytes());
    push_with_id(seq, id)
}

pub(crate) fn push_with_id(seq: u64, id: [u8; 16]) -> Frame {
    let payload = Bytes::from(format!("{{\"n\":{seq},\"text\":\"你好 👋\"}}"));
    Push { seq, message: Bytes::copy_from_slice(&id), payload, ..Push::default() }.into()
}

impl Gateway {
    pub(crate) async fn start(listens: Listens) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .unwrap();
        tls.alpn_protocols = vec![homing_wire::ALPN.to_vec()];
        let (peers_tx, peers) = mpsc::channel(64);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let mut deaf = None;
        if listens == Listens::Only(Transport::Tcp) {
            // It takes datagrams and answers none, as a firewall would.
            deaf = Some(std::net::UdpSocket::bind(address).unwrap());
        } else {
            let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(tls.clone()).unwrap();
            let endpoint =
                quinn::Endpoint::server(quinn::ServerConfig::with_crypto(Arc::new(crypto)), address).unwrap();
            tokio::spawn(accept_quic(endpoint, peers_tx.clone()));
        }
        if listens != Listens::Only(Transport::Quic) {
            tokio::spawn(accept_tcp(tcp, tls, peers_tx));
        }
        Self { address, certificate, peers, _deaf: deaf }
    }

    pub(crate) fn transports(&self) -> Arc<Transports> {
        Transports::new(Trust::Only(vec![self.certificate.clone()])).unwrap()
    }

    pub(crate) fn route(&self) -> Route {
        Route::new("127.0.0.1", self.address.port()).with_server_name("localhost")
    }

    /// The next connection that says Hello.
    pub(crate) async fn accept(&mut self) -> Peer {
        timeout(PATIENCE, self.peers.recv()).await.expect("a connection in time").unwrap()
    }

    /// The next connection, welcomed where it stands.
    pub(crate) async fn welcome(&mut self) -> Peer {
        let peer = self.accept().await;
        peer.welcome(1, 1_000).await;
        peer
    }
}

impl Peer {
    pub(crate) async fn send(&self, frames: impl IntoIterator<Item = Frame>) {
        self.output.send(frames.into_iter().collect()).await.expect("the connection is open");
    }

    pub(crate) async fn welcome(&self, lo: u64, hi: u64) {
        self.welcome_with(lo, hi, None).await;
    }

    pub(crate) async fn welcome_with(&self, lo: u64, hi: u64, heartbeat: Option<HeartbeatConfig>) {
        let resumption = Resumption::Resumed as i32;
        self.send([Welcome { resumption, epoch: EPOCH, lo, hi, heartbeat, server_ms: 1 }.into()]).await;
    }

    pub(crate) async fn close(&self, code: CloseCode, detail: u64) {
        self.send([Close { code: code as i32, retry_after_ms: 0, detail }.into()]).await;
    }

    /// The next frame; `None` = the device is gone.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.frames.recv()).await.expect("a frame in time")
    }

    /// Waits for an Ack of at least `seq`.
    pub(crate) async fn acked(&mut self, seq: u64) -> Ack {
        loop {
            match self.frame().await.expect("the device is there") {
                Frame::Ack(ack) if ack.seq >= seq => return ack,
                _ => {}
            }
        }
    }

    /// Waits until the device has left.
    pub(crate) async fn gone(&mut self) {
        while self.frame().await.is_some() {}
    }
}

async fn accept_quic(endpoint: quinn::Endpoint, peers: mpsc::Sender<Peer>) {
    while let Some(incoming) = endpoint.accept().await {
        let peers = peers.clone();
        tokio::spawn(async move {
            let connection = incoming.await.ok()?;
            let (mut send, mut receive) = connection.accept_bi().await.ok()?;
            let mut exporter = [0; 32];
            connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").ok()?;
            let (input_tx, input) = mpsc::channel::<Bytes>(64);
            let (output, mut output_rx) = mpsc::channel::<Vec<Frame>>(64);
            tokio::spawn(async move {
                while let Ok(Some(chunk)) = receive.read_chunk(4_096, true).await {
                    if input_tx.send(chunk.bytes).await.is_err() {
                        break;
                    }
                }
            });
            tokio::spawn(async move {
                while let Some(frames) = output_rx.recv().await {
                    if send.write_all(&bytes_of(&frames)).await.is_err() {
                        break;
                    }
                }
            });
            greet(peers, input, output, exporter, Some(connection)).await
        });
    }
}

async fn accept_tcp(listener: TcpListener, tls: rustls::ServerConfig, peers: mpsc::Sender<Peer>) {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    while let Ok((stream, _)) = listener.accept().await {
        let (peers, acceptor) = (peers.clone(), acceptor.clone());
        tokio::spawn(async move {
            let stream = acceptor.accept(stream).await.ok()?;
            let exporter = stream.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, Some(b"")).ok()?;
            let (mut receive, mut send) = tokio::io::split(stream);
            let (input_tx, input) = mpsc::channel::<Bytes>(64);
            let (output, mut output_rx) = mpsc::channel::<Vec<Frame>>(64);
            tokio::spawn(async move {
                let mut buffer = [0; 4_096];
                while let Ok(length @ 1..) = receive.read(&mut buffer).await {
                    if input_tx.send(Bytes::copy_from_slice(&buffer[..length])).await.is_err() {
                        break;
                    }
                }
            });
            tokio::spawn(async move {
                while let Some(frames) = output_rx.recv().await {
                    if send.write_all(&bytes_of(&frames)).await.is_err() || send.flush().await.is_err() {
                        break;
                    }
                }
            });
            greet(peers, input, output, exporter, None).await
        });
    }
}

/// Reads the Hello, checks its proof, and gives the connection to the test.
async fn greet(
    peers: mpsc::Sender<Peer>,
    mut input: mpsc::Receiver<Bytes>,
    output: mpsc::Sender<Vec<Frame>>,
    exporter: [u8; 32],
    quic: Option<quinn::Connection>,
) -> Option<()> {
    let mut decoder = Decoder::new();
    let first = loop {
        decoder.feed(&input.recv().await?);
        if let Some(frame) = decoder.next_frame().unwrap() {
            break frame;
        }
    };
    let Frame::Hello(hello) = first else { panic!("{first:?} before Hello") };
    let device = DeviceId::from_slice(&hello.device).unwrap();
    let (key_id, generation) = (hello.key_id, hello.credential_generation);
    let secret = identity().secret;
    assert!(verify_hello(&secret, &exporter, device, key_id, generation, hello.conn_seq, &hello.auth));
    let (frames_tx, frames) = mpsc::channel(1_024);
    let transport = if quic.is_some() { Transport::Quic } else { Transport::Tcp };
    peers.send(Peer { hello, transport, quic, frames, output }).await.ok()?;
    while let Some(bytes) = input.recv().await {
        decoder.feed(&bytes);
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames_tx.send(frame).await.ok()?;
        }
    }
    Some(())
}

fn bytes_of(frames: &[Frame]) -> BytesMut {
    let mut buffer = BytesMut::new();
    frames.iter().for_each(|frame| encode(frame, &mut buffer));
    buffer
}
