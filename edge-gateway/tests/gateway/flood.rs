//! Ten thousand handshakes from one address.

use std::net::SocketAddr;
use std::sync::Arc;

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
/// The gateway's share of a flood over TCP, whose attackers keep nothing here.
const MEMORY_MAX_TCP: usize = 16 * 1_024 * 1_024;
/// Over QUIC each of the attacker's connections, which live in this process too, lingers for seconds with some 30 KiB.
const MEMORY_MAX_QUIC: usize = 96 * 1_024 * 1_024;

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
    let config = client_config(&world.certificate, ALPN, &[&TLS13]);
    let connector = TlsConnector::from(Arc::new(config.clone()));
    let address = world.gateway.local_addr();
    let over_tcp = flood(&world, OVER_TCP, move || handshake(address, connector.clone())).await;
    let endpoint = Endpoint::client("127.0.0.9:0".parse().unwrap()).unwrap();
    let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let over_quic = flood(&world, OVER_QUIC, move || {
        let (endpoint, config) = (endpoint.clone(), config.clone());
        async move { endpoint.connect_with(config, address, "localhost").unwrap().await.is_ok() }
    })
    .await;
    for (outcome, attempts, memory_max) in
        [(&over_tcp, OVER_TCP, MEMORY_MAX_TCP), (&over_quic, OVER_QUIC, MEMORY_MAX_QUIC)]
    {
        println!("of {attempts} handshakes: {outcome:?}");
        assert!(outcome.let_in < attempts / 5, "{outcome:?}");
        assert!(outcome.most_half_open <= usize::try_from(HALF_OPEN).unwrap(), "{outcome:?}");
        assert!(outcome.grown_bytes < memory_max, "{outcome:?}");
    }
    quic.check("10,000 handshakes, over QUIC").await;
    tcp.check("10,000 handshakes, over TCP").await;
    Arc::into_inner(world).unwrap().stop().await;
}

#[derive(Debug)]
struct Outcome {
    let_in: usize,
    most_half_open: usize,
    grown_bytes: usize,
}

async fn flood<F: Future<Output = bool> + Send + 'static>(
    world: &World,
    attempts: usize,
    attempt: impl Fn() -> F,
) -> Outcome {
    let before = resident_bytes();
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = tokio::task::JoinSet::new();
    let (mut let_in, mut most_half_open) = (0, 0);
    for _ in 0..attempts {
        let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
        let attempt = attempt();
        running.spawn(async move {
            let is_let_in = attempt.await;
            drop(slot);
            is_let_in
        });
        most_half_open = most_half_open.max(usize::try_from(world.gateway.stats().unproven).unwrap());
        while let Some(ended) = running.try_join_next() {
            let_in += usize::from(ended.unwrap());
        }
    }
    while let Some(ended) = running.join_next().await {
        let_in += usize::from(ended.unwrap());
    }
    Outcome { let_in, most_half_open, grown_bytes: resident_bytes().saturating_sub(before) }
}

/// Whether a TLS session came about.
async fn handshake(address: SocketAddr, connector: TlsConnector) -> bool {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let Ok(stream) = socket.connect(address).await else {
        return false;
    };
    connector.connect("localhost".try_into().unwrap(), stream).await.is_ok()
}
