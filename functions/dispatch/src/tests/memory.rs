//! What dispatch remembers, and when it must not.

use homing_contract::queue::encode;
use homing_domain::mailbox::Takeover;
use homing_domain::{GatewayRef, ServerId, Shard, UnixMillis};

use super::scene::{NOW, consume, device, hand_offs, lease, shard, stage, world};
use super::world::World;

fn one(n: u8) -> Shard {
    let mut shard = shard();
    shard.targets.retain(|target| target.device == device(n));
    shard
}

fn reads(world: &World) -> (usize, usize) {
    world.with(|state| (state.message_reads, state.lease_reads))
}

#[test]
fn messages_and_leases_are_read_once_in_a_while() {
    let world = world(3_600);
    let dispatch = stage(&world);
    for _ in 0..3 {
        consume(&dispatch.clone(), &encode(&one(1))).unwrap();
    }
    assert_eq!(reads(&world), (1, 1));
    world.with(|state| state.now = NOW.plus(1_000));
    consume(&dispatch, &encode(&one(1))).unwrap();
    assert_eq!(reads(&world), (1, 2));
    world.with(|state| state.now = NOW.plus(2_000));
    consume(&dispatch, &encode(&one(1))).unwrap();
    assert_eq!(reads(&world), (2, 3));
}

#[test]
fn a_clock_that_was_set_back_makes_everything_old() {
    let world = world(3_600);
    let dispatch = stage(&world);
    consume(&dispatch, &encode(&one(1))).unwrap();
    world.with(|state| state.now = NOW.minus(10));
    consume(&dispatch, &encode(&one(1))).unwrap();
    assert_eq!(reads(&world), (2, 2));
}

/// The device came to a gateway that is younger than the remembered leases: its takeover saw no message, so the hand-off
/// must reach it.
#[test]
fn a_gateway_younger_than_the_memory_is_looked_up() {
    let world = world(3_600);
    let dispatch = stage(&world);
    consume(&dispatch, &encode(&one(6))).unwrap();
    let young = GatewayRef { server_id: ServerId([9; 8]), incarnation: 1 };
    let reborn = GatewayRef { server_id: ServerId([3; 8]), incarnation: 2 };
    for (n, gateway) in [(1, young), (4, reborn)] {
        world.with(|state| {
            state.leases.retain(|lease| lease.gateway.server_id != gateway.server_id);
            state.leases.push(lease(gateway, NOW.plus(15_000)));
            let takeover = Takeover { gateway, conn_seq: 100, credential_generation: 1, now: UnixMillis(0) };
            state.mailboxes.get_mut(&device(n)).unwrap().take_over(takeover).unwrap();
        });
        consume(&dispatch, &encode(&one(n))).unwrap();
        assert!(hand_offs(&world).iter().any(|(to, target)| *to == gateway && target.device == device(n)));
    }
}

#[test]
fn a_gateway_that_is_known_to_be_gone_is_not_looked_up_again() {
    let world = world(3_600);
    let dispatch = stage(&world);
    for _ in 0..2 {
        consume(&dispatch, &encode(&one(4))).unwrap();
        consume(&dispatch, &encode(&one(5))).unwrap();
    }
    assert_eq!(reads(&world), (1, 1));
    assert!(hand_offs(&world).is_empty());
}
