//! Sessions are resumed at any gateway of the fleet, in any of its lives.

use std::sync::Arc;

use homing_domain::ServerId;
use homing_link::Transport;
use homing_wire::ALPN;
use rustls::version::TLS13;

use crate::raw::{Raw, client_config};
use crate::world::World;

/// The device trusts the first gateway's certificate alone. Whoever resumes a session asks for no certificate, so getting
/// in elsewhere is the proof that the ticket was opened there.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_one_gateway_is_good_at_another_and_after_a_restart() {
    for transport in [Transport::Quic, Transport::Tcp] {
        let first = World::new().await;
        let other = |config: &mut homing_edge_gateway::GatewayConfig| config.server_id = ServerId(*b"gateway2");
        let second = World::on(Arc::clone(&first.ports), other).await;
        let device = first.register(1);
        let fresh = || client_config(&first.certificate, ALPN, &[&TLS13]);
        let stranger = Raw::connect_with(second.gateway.local_addr(), transport, fresh()).await;
        assert!(stranger.is_err(), "without a ticket the second certificate is not trusted");

        let config = fresh();
        let mut link = Raw::connect_with(first.gateway.local_addr(), transport, config.clone()).await.unwrap();
        link.greet(&first, device, 1, 0).await;
        let mut link = Raw::connect_with(second.gateway.local_addr(), transport, config.clone()).await.unwrap();
        link.greet(&first, device, 2, 0).await;

        let ports = Arc::clone(&first.ports);
        let keys = first.keys.clone();
        first.stop().await;
        let restarted = World::on(ports, |config| config.device_keys = keys).await;
        let mut link = Raw::connect_with(restarted.gateway.local_addr(), transport, config).await.unwrap();
        link.greet(&restarted, device, 3, 0).await;
        second.stop().await;
        restarted.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_certificate_is_shown_to_new_links_and_open_ones_stay() {
    let world = World::new().await;
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Quic, device, 1).await;
    let (certificate, own) = World::certificate();
    world.gateway.control().replace_certificate(own).unwrap();
    for transport in [Transport::Quic, Transport::Tcp] {
        let address = world.gateway.local_addr();
        let old = client_config(&world.certificate, ALPN, &[&TLS13]);
        assert!(Raw::connect_with(address, transport, old).await.is_err());
        let new = client_config(&certificate, ALPN, &[&TLS13]);
        assert!(Raw::connect_with(address, transport, new).await.is_ok());
    }
    world.push(device, "still there");
    assert_eq!(link.push().await.seq, 1);
    world.stop().await;
}
