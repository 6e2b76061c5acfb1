//! Ten thousand handshakes from one address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use homing_link::Transport;
use homing_wire::ALPN;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint};
use rustls::version::TLS13;
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use crate::bystander::Bystander;
use crate::raw::client_config;
use crate::world::World;

const OVER_TCP: usize = 8_000;
const OVER_QUIC: usize = 2_000;
/// At the same time.
const AT_ONCE: usize = 100;
/// What the gateway lets in of one address.
const PER_SECOND: u32 = 20;
const HALF_OPEN: u32 = 16;
/// Both ends run in this process, so this bounds the attacker's memory, too.
const MEMORY_MAX: usize = 64 * 1_024 * 1_024;

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_handshakes_of_one_address_harm_nobody_else() {
    let world = World::with(|config| {
        config.admission.handshakes_per_address_per_second = PER_SECOND;
        config.admission.max_unproven_per_address = HALF_OPEN;
    })
    .await;
    let world = Arc::new(world);
    let quic = Bystander::start(&world, 1, Transport::Quic).await;
    let tcp = Bystander::start(&world, 2, Transport::Tcp).await;
    let before = resident_bytes();
    let let_in = Arc::new(AtomicUsize::new(0));
    let most_half_open = Arc::new(AtomicUsize::new(0));
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut attempts = tokio::task::JoinSet::new();
    let endpoint = Endpoint::client("127.0.0.9:0".parse().unwrap()).unwrap();
    let config = client_config(&world.certificate, ALPN, &[&TLS13]);
    let connector = TlsConnector::from(Arc::new(config.clone()));
    let quic_config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    for n in 0..OVER_TCP + OVER_QUIC {
        while let Some(ended) = attempts.try_join_next() {
            ended.unwrap();
        }
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        let (world, let_in, most) = (Arc::clone(&world), Arc::clone(&let_in), Arc::clone(&most_half_open));
        let (connector, endpoint, quic_config) = (connector.clone(), endpoint.clone(), quic_config.clone());
        attempts.spawn(async move {
            let address = world.gateway.local_addr();
            let is_let_in = if n % 5 == 0 {
                endpoint.connect_with(quic_config, address, "localhost").unwrap().await.is_ok()
            } else {
                handshake(address, &connector).await
            };
            let_in.fetch_add(usize::from(is_let_in), Ordering::Relaxed);
            most.fetch_max(usize::try_from(world.gateway.stats().unproven).unwrap(), Ordering::Relaxed);
            drop(slot);
        });
    }
    while let Some(ended) = attempts.join_next().await {
        ended.unwrap();
    }
    let grown = resident_bytes().saturating_sub(before);
    let (let_in, most) = (let_in.load(Ordering::Relaxed), most_half_open.load(Ordering::Relaxed));
    println!("of 10,000 handshakes {let_in} were let in, at most {most} half open, {} KiB more memory", grown / 1_024);
    assert!(let_in < 2_000, "{let_in} were let in");
    assert!(most <= usize::try_from(HALF_OPEN).unwrap(), "{most} half open");
    assert!(grown < MEMORY_MAX, "{grown} bytes more");
    quic.check("10,000 handshakes, over QUIC").await;
    tcp.check("10,000 handshakes, over TCP").await;
    Arc::into_inner(world).unwrap().stop().await;
}

/// Whether a TLS session came about.
async fn handshake(address: SocketAddr, connector: &TlsConnector) -> bool {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let Ok(stream) = socket.connect(address).await else {
        return false;
    };
    connector.connect("localhost".try_into().unwrap(), stream).await.is_ok()
}
