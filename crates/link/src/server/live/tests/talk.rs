//! Heartbeats, probes, messages from the device, and what breaks the protocol.

use bytes::Bytes;
use homing_domain::limits::{RECEIPTS_PER_REQUEST_MAX, UPSTREAM_MAX_BYTES, UPSTREAM_MAX_IN_FLIGHT};
use homing_domain::{Event, Fact, HeartbeatSettings, Interval, Stage};
use homing_wire::{Ack, Close, CloseCode, FactKind, FactReceipt, Frame, Ping, Push, Up, UpAck, UpCode, Welcome};

use super::world::{World, body, closing, effects, ends, frames, message, recorded};
use crate::limits::PING_BURST;
use crate::server::{Effect, Live, StoreFault};

fn live() -> (World, Live) {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    effects(&mut live);
    (world, live)
}

fn fact(n: u8, kind: FactKind) -> FactReceipt {
    FactReceipt { message: Bytes::copy_from_slice(message(n).as_bytes()), kind: kind as i32, at_ms: 5 }
}

#[test]
fn frames_that_are_not_the_device_s_break_the_protocol() {
    let wrong: [Frame; 5] = [
        World::hello(2, 1, 0).into(),
        Push::default().into(),
        Welcome::default().into(),
        UpAck::default().into(),
        Ack { seq: 0, receipts: vec![fact(1, FactKind::Opened); RECEIPTS_PER_REQUEST_MAX + 1], feed_offset: 0 }.into(),
    ];
    for frame in wrong {
        let (world, mut live) = live();
        world.send(&mut live, frame.clone());
        assert_eq!(closing(&effects(&mut live)).map(|closing| closing.code), Some(CloseCode::Protocol), "{frame:?}");
        world.send(&mut live, Ping::default());
        assert!(effects(&mut live).is_empty(), "nothing follows a Close");
    }
}

#[test]
fn a_device_may_say_goodbye() {
    let (world, mut live) = live();
    world.send(&mut live, Close::default());
    assert_eq!(effects(&mut live), [Effect::Ended]);
}

#[test]
fn silence_is_measured_by_what_the_device_announced() {
    let (mut world, mut live) = live();
    // Nothing is announced yet: one and a half times the longest interval of TCP, and 10 s.
    assert_eq!(live.next_timeout(), world.now.plus(895_000));
    world.send(&mut live, Ping::default());
    assert_eq!(live.next_timeout(), world.now.plus(415_000), "it does as it was told: 270 s");
    world.send(&mut live, Ping { next_ms: 20_000, ..Ping::default() });
    assert_eq!(live.next_timeout(), world.now.plus(40_000));
    world.send(&mut live, Ping::default());
    assert_eq!(live.next_timeout(), world.now.plus(40_000), "unchanged");
    effects(&mut live);
    world.now = live.next_timeout();
    live.timeout(world.now);
    assert_eq!(closing(&effects(&mut live)).unwrap().code, CloseCode::Idle);
}

#[test]
fn a_flood_of_pings_is_ended() {
    let (mut world, mut live) = live();
    for _ in 0..PING_BURST {
        world.send(&mut live, Ping::default());
    }
    assert_eq!(closing(&effects(&mut live)), None);
    world.now = world.now.plus(1_000);
    world.send(&mut live, Ping::default());
    world.send(&mut live, Ping::default());
    assert_eq!(closing(&effects(&mut live)), None);
    world.send(&mut live, Ping::default());
    assert_eq!(closing(&effects(&mut live)).unwrap().code, CloseCode::Protocol);
}

#[test]
fn a_probe_comes_when_it_was_asked_for_unless_something_else_did() {
    let (mut world, mut live) = live();
    world.send(&mut live, Ping { probe_after_ms: 5_000, ..Ping::default() });
    effects(&mut live);
    assert_eq!(live.next_timeout(), world.now.plus(5_000));
    world.now = world.now.plus(4_999);
    live.timeout(world.now);
    assert!(frames(&effects(&mut live)).is_empty());
    world.now = world.now.plus(1);
    live.timeout(world.now);
    assert!(matches!(frames(&effects(&mut live))[..], [Frame::Probe(_)]));
    assert!(live.next_timeout() > world.now.plus(5_000), "once");
    let disturb: [fn(&mut World, &mut Live); 3] = [
        |world, live| world.push(live, body(1)),
        |world, live| world.send(live, Ack { seq: 0, receipts: vec![fact(1, FactKind::Opened)], feed_offset: 0 }),
        |world, live| world.send(live, Ping::default()),
    ];
    for disturb in disturb {
        world.send(&mut live, Ping { probe_after_ms: 5_000, ..Ping::default() });
        disturb(&mut world, &mut live);
        effects(&mut live);
        world.now = world.now.plus(5_000);
        live.timeout(world.now);
        assert!(frames(&effects(&mut live)).is_empty());
    }
}

#[test]
fn a_device_is_told_its_address_once_and_when_it_changes() {
    let (world, mut live) = live();
    let observed = |live: &mut Live, address: &str| {
        live.observed(address.parse().unwrap());
        world.send(live, Ping::default());
        match &frames(&effects(live))[..] {
            [Frame::Pong(pong)] => pong.observed.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (first, second) = ("192.0.2.1:1000", "[2001:db8::1]:1001");
    let told = [first, first, second, second, first].map(|address| observed(&mut live, address));
    assert_eq!(told, [first, "", second, "", first]);
}

#[test]
fn a_drain_waits_for_the_next_heartbeat_and_is_said_once() {
    let (world, mut live) = live();
    live.drain(30_000);
    assert!(effects(&mut live).is_empty());
    for expected in [Some(30_000), None] {
        world.send(&mut live, Ping::default());
        match &frames(&effects(&mut live))[..] {
            [Frame::Pong(pong)] => assert_eq!(pong.go_away.as_ref().map(|away| away.spread_ms), expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn changed_heartbeats_are_told_if_they_are_news() {
    let (_, mut live) = live();
    live.heartbeat_changed(&HeartbeatSettings::default());
    assert!(effects(&mut live).is_empty());
    let tcp = Interval { initial: 2_000, minimum: 1_000, maximum: 3_000 };
    live.heartbeat_changed(&HeartbeatSettings { tcp, ..HeartbeatSettings::default() });
    assert!(matches!(frames(&effects(&mut live))[..], [Frame::HeartbeatConfig(_)]));
}

#[test]
fn messages_from_the_device_are_acknowledged_when_durable_and_bounded() {
    let (world, mut live) = live();
    let up = |id| Up { id, topic: "t".to_owned(), payload: Bytes::new() };
    for id in 0..=u64::try_from(UPSTREAM_MAX_IN_FLIGHT).unwrap() {
        world.send(&mut live, up(id));
    }
    world.send(&mut live, up(0));
    let found = effects(&mut live);
    let stored = found.iter().filter(|effect| matches!(effect, Effect::StoreUpstream(_))).count();
    assert_eq!(stored, UPSTREAM_MAX_IN_FLIGHT);
    assert_eq!(frames(&found), [UpAck { id: 8, code: UpCode::Busy as i32 }.into()]);
    live.upstream_stored(world.now, 0, Ok(()));
    live.upstream_stored(world.now, 1, Err(StoreFault::Unavailable));
    let answers = [UpAck { id: 0, code: UpCode::Stored as i32 }, UpAck { id: 1, code: UpCode::Busy as i32 }];
    assert_eq!(frames(&effects(&mut live)), answers.map(Frame::from));
    let large = Up { id: 9, payload: Bytes::from(vec![0; UPSTREAM_MAX_BYTES + 1]), ..Up::default() };
    world.send(&mut live, large);
    assert_eq!(frames(&effects(&mut live)), [UpAck { id: 9, code: UpCode::Refused as i32 }.into()]);
}

#[test]
fn facts_are_told_with_a_time_that_is_not_in_the_future() {
    let (world, mut live) = live();
    let late = FactReceipt { at_ms: u64::MAX, ..fact(2, FactKind::Displayed) };
    let unknown = FactReceipt { kind: 99, ..fact(3, FactKind::Opened) };
    world.send(&mut live, Ack { seq: 0, receipts: vec![fact(1, FactKind::Opened), late, unknown], feed_offset: 0 });
    let receipts = recorded(&effects(&mut live)).1;
    let told: Vec<_> = receipts.iter().map(|receipt| (receipt.message, receipt.event, receipt.at.0)).collect();
    let expected =
        [(message(1), Event::Fact(Fact::Opened), 5), (message(2), Event::Fact(Fact::Displayed), world.now.0)];
    assert_eq!(told, expected);
}

#[test]
fn now_or_never_is_delivered_by_its_receipt_and_comes_back_without_one() {
    let (world, mut live) = live();
    world.hand_off(&mut live, body(1), 0);
    world.hand_off(&mut live, body(1), 0);
    world.hand_off(&mut live, body(2), 0);
    assert_eq!(super::world::pushed(&effects(&mut live)), [0, 0], "a repeat is not sent");
    world.send(&mut live, Ack { seq: 0, receipts: vec![fact(1, FactKind::Received)], feed_offset: 0 });
    assert_eq!(ends(&effects(&mut live)), [(message(1), Stage::Delivered, None)]);
    let mut leaving = live.leave(world.now);
    match leaving.poll() {
        Some(Effect::Undelivered(item)) => assert!(item.transient && item.message == message(2)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_idle_link_keeps_no_queues() {
    let (world, mut live) = live();
    world.hand_off(&mut live, body(1), 0);
    world.send(&mut live, Ack { seq: 0, receipts: vec![fact(1, FactKind::Received)], feed_offset: 0 });
    let (tickets, _) = recorded(&effects(&mut live));
    tickets.into_iter().for_each(|ticket| live.recorded(world.now, ticket));
    assert_eq!((live.effects.capacity(), live.transients.capacity(), live.upstreams.capacity()), (0, 0, 0));
    assert!(size_of::<Live>() <= 1_024, "{} bytes", size_of::<Live>());
}
