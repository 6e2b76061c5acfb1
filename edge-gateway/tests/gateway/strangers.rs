//! Those who do not come as far as a Hello.

use std::time::Duration;

use homing_link::Transport;
use homing_wire::{ALPN, CloseCode};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::raw::{Raw, client_config, quic_endpoint, tls};
use crate::world::{PATIENCE, World};

async fn ends(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end, too.
    drop(tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the gateway ends it in time"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_tls_is_ended() {
    let world = World::new().await;
    let garbage: [&[u8]; 4] =
        [b"GET / HTTP/1.1\r\n\r\n", &[0xff; 2_000], &[0x16, 0x03, 0x01, 0xff, 0xff], &[0x16, 0x03, 0x01, 0, 5, 1, 0]];
    for bytes in garbage {
        let mut stream = TcpStream::connect(world.gateway.local_addr()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        ends(&mut stream).await;
    }
    assert_eq!(world.gateway.stats().unproven, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_protocols_and_older_tls_get_no_session() {
    let world = World::new().await;
    let address = world.gateway.local_addr();
    assert!(tls(address, client_config(&world.certificate, b"h2", &[&TLS13])).await.is_err());
    assert!(tls(address, client_config(&world.certificate, ALPN, &[&TLS12])).await.is_err());
    // No protocol at all: the TLS library lets it pass, the gateway ends it.
    let mut stream = tls(address, client_config(&world.certificate, b"", &[&TLS13])).await.unwrap();
    let mut rest = Vec::new();
    drop(tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap());
    assert!(rest.is_empty());
    let endpoint = quic_endpoint(client_config(&world.certificate, b"h3", &[&TLS13]));
    assert!(endpoint.connect(address, "localhost").unwrap().await.is_err());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_versions_of_quic_are_told_so() {
    let world = World::new().await;
    let crypto = client_config(&world.certificate, ALPN, &[&TLS13]);
    let endpoint = quic_endpoint(crypto.clone());
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(crypto).unwrap();
    let mut config = quinn::ClientConfig::new(std::sync::Arc::new(crypto));
    config.version(0xff00_001d);
    let refused = endpoint.connect_with(config, world.gateway.local_addr(), "localhost").unwrap().await;
    assert_eq!(refused.err(), Some(quinn::ConnectionError::VersionMismatch));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_come_to_the_point_is_ended() {
    let world = World::new().await;
    let address = world.gateway.local_addr();
    let no_tls = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        ends(&mut stream).await;
    };
    let no_hello = async {
        let mut link = Raw::connect(&world, Transport::Tcp).await;
        link.expect_close(CloseCode::Idle).await;
    };
    let no_stream = async {
        let endpoint = quic_endpoint(client_config(&world.certificate, ALPN, &[&TLS13]));
        let connection = endpoint.connect(address, "localhost").unwrap().await.unwrap();
        match tokio::time::timeout(PATIENCE, connection.closed()).await.unwrap() {
            quinn::ConnectionError::ApplicationClosed(close) => {
                assert_eq!(close.error_code.into_inner(), CloseCode::Idle as u64);
            }
            other => panic!("closed by {other}"),
        }
    };
    let drop_by_drop = async {
        let mut link = Raw::connect(&world, Transport::Quic).await;
        let mut drops = tokio::time::interval(Duration::from_millis(200));
        for byte in [0x40, 0x80].into_iter().chain(std::iter::repeat_n(0_u8, 30)) {
            drops.tick().await;
            link.send_bytes(&[byte]).await;
        }
        link.expect_close(CloseCode::Idle).await;
    };
    tokio::join!(no_tls, no_hello, no_stream, drop_by_drop);
    assert_eq!(world.gateway.stats().unproven, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_one_stream() {
    let world = World::new().await;
    let endpoint = quic_endpoint(client_config(&world.certificate, ALPN, &[&TLS13]));
    let connection = endpoint.connect(world.gateway.local_addr(), "localhost").unwrap().await.unwrap();
    let _first = connection.open_bi().await.unwrap();
    let moment = Duration::from_millis(200);
    assert!(tokio::time::timeout(moment, connection.open_bi()).await.is_err(), "a second one is not allowed");
    assert!(tokio::time::timeout(moment, connection.open_uni()).await.is_err(), "nor one without answers");
    assert_eq!(
        connection.send_datagram(bytes::Bytes::from_static(b"x")),
        Err(quinn::SendDatagramError::UnsupportedByPeer)
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_for_another_gateway_are_dropped_and_lost_ones_of_its_own_are_reset() {
    let world = World::new().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(world.gateway.local_addr()).await.unwrap();
    let packet = |server: &[u8; 8]| {
        let mut packet = vec![0x40, 0x0f];
        packet.extend_from_slice(server);
        packet.extend_from_slice(&[9; 7]);
        packet.resize(100, 0x55);
        packet
    };
    for _ in 0..20 {
        socket.send(&packet(b"gateway2")).await.unwrap();
    }
    socket.send(&packet(b"gateway1")).await.unwrap();
    let mut buffer = [0; 2_000];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    assert!(length < 100, "a stateless reset is shorter than what it answers");
    let more = tokio::time::timeout(Duration::from_millis(200), socket.recv(&mut buffer)).await;
    assert!(more.is_err(), "one reset, and nothing for the foreign ones");
    world.stop().await;
}
