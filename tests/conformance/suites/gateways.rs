//! Leases of gateways.

use homing_domain::Lease;
use homing_ports::Gateways;

use crate::adapter::Adapter;
use crate::values::{gateway, lease};

pub(crate) async fn a_lease_is_renewed<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert!(ports.leases().await.unwrap().is_empty());
    let first = lease(1, world.now().plus(1_000));
    let second = Lease { draining: false, ..lease(1, world.now().plus(2_000)) };
    for lease in [first, second] {
        assert!(ports.renew_lease(lease.clone()).await.unwrap());
        world.settle().await;
        assert_eq!(ports.leases().await.unwrap(), [lease]);
    }
}

pub(crate) async fn an_older_incarnation_never_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let newer = lease(2, world.now().plus(1_000));
    assert!(ports.renew_lease(lease(1, world.now().plus(1_000))).await.unwrap());
    assert!(ports.renew_lease(newer.clone()).await.unwrap());
    assert!(!ports.renew_lease(lease(1, world.now().plus(9_000))).await.unwrap());
    ports.end_lease(gateway(1)).await.unwrap();
    world.settle().await;
    assert_eq!(ports.leases().await.unwrap(), [newer], "nor does it end the newer one");
}

pub(crate) async fn an_ended_lease_is_not_valid<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.renew_lease(lease(1, world.now().plus(60_000))).await.unwrap();
    for _ in 0..2 {
        ports.end_lease(gateway(1)).await.unwrap();
    }
    world.settle().await;
    assert!(ports.leases().await.unwrap().iter().all(|lease| !lease.is_valid(world.now())));
    assert!(ports.renew_lease(lease(2, world.now().plus(1_000))).await.unwrap(), "the next life begins");
}
