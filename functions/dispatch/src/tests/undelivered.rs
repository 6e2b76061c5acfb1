//! Hand-offs that found no link.

use std::collections::BTreeSet;
use std::sync::Arc;

use homing_contract::queue::encode;
use homing_domain::mailbox::{Body, Enqueue, Takeover};
use homing_domain::{ConnSeq, Priority, Reason, Undelivered, UnixMillis};
use homing_ports::StageError;

use super::scene::{ALSO_ALIVE, MESSAGE, SILENT, app, consume, device, ends, hand_offs, stage, world};
use super::world::World;
use crate::Dispatch;

/// Device 1 has the message in its mailbox, handed off to connection 11 of a gateway that has no such link.
fn scene() -> (Arc<World>, Dispatch<World, World>) {
    let world = world(3_600);
    world.with(|state| {
        let request = Enqueue {
            app: app(),
            message: MESSAGE,
            user: None,
            now: state.now,
            accepted_at: state.now,
            expires_at: UnixMillis::NEVER,
            priority: Priority::High,
            collapse_key: None,
            body: Body::Reference,
            variant: 0,
        };
        state.mailboxes.get_mut(&device(1)).unwrap().enqueue(request);
    });
    let dispatch = stage(&world);
    (world, dispatch)
}

const fn undelivered(transient: bool) -> Undelivered {
    Undelivered { device: device(1), conn_seq: 11, message: MESSAGE, transient }
}

fn take_over(world: &World, gateway: homing_domain::GatewayRef, conn_seq: ConnSeq) {
    world.with(|state| {
        let mailbox = state.mailboxes.get_mut(&device(1)).unwrap();
        mailbox.take_over(Takeover { gateway, conn_seq, credential_generation: 1, now: UnixMillis(0) }).unwrap();
    });
}

#[test]
fn a_transient_one_has_had_its_only_chance() {
    let (world, dispatch) = scene();
    for _ in 0..2 {
        consume(&dispatch, &encode(&undelivered(true))).unwrap();
    }
    assert_eq!(ends(&world)[&(MESSAGE, device(1))], BTreeSet::from([Reason::Offline]));
    assert!(hand_offs(&world).is_empty());
}

#[test]
fn it_waits_while_no_other_gateway_has_the_device() {
    let (world, dispatch) = scene();
    consume(&dispatch, &encode(&undelivered(false))).unwrap();
    take_over(&world, SILENT, 12);
    consume(&dispatch, &encode(&undelivered(false))).unwrap();
    assert!(hand_offs(&world).is_empty() && ends(&world).is_empty());
}

#[test]
fn it_follows_the_device_to_another_gateway() {
    let (world, dispatch) = scene();
    take_over(&world, ALSO_ALIVE, 12);
    consume(&dispatch, &encode(&undelivered(false))).unwrap();
    let handed: Vec<_> =
        hand_offs(&world).iter().map(|(gateway, target)| (*gateway, target.conn_seq, target.seq)).collect();
    assert_eq!(handed, [(ALSO_ALIVE, 12, 1)]);
}

#[test]
fn a_full_inbox_is_tried_again() {
    let (world, dispatch) = scene();
    take_over(&world, ALSO_ALIVE, 12);
    world.with(|state| state.full_inbox = Some(ALSO_ALIVE));
    assert!(matches!(consume(&dispatch, &encode(&undelivered(false))), Err(StageError::Later { .. })));
    consume(&dispatch, &encode(&undelivered(false))).unwrap();
    assert_eq!(hand_offs(&world).len(), 1);
}

#[test]
fn what_was_withdrawn_or_trimmed_is_left_alone() {
    let (world, dispatch) = scene();
    take_over(&world, ALSO_ALIVE, 12);
    world.with(|state| {
        state.mailboxes.get_mut(&device(1)).unwrap().withdraw(MESSAGE, Reason::Recalled);
    });
    consume(&dispatch, &encode(&undelivered(false))).unwrap();
    world.with(|state| {
        state.mailboxes.remove(&device(1));
    });
    consume(&dispatch, &encode(&undelivered(false))).unwrap();
    assert!(hand_offs(&world).is_empty() && ends(&world).is_empty());
}
