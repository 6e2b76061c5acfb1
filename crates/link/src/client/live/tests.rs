mod feed;

use bytes::{Bytes, BytesMut};
use homing_domain::{AppId, DeviceId, MessageId, Seq, UnixMillis};
use homing_wire::{
    FactKind, HeartbeatInterval, Hello, Push, Recall, Resumption, Skip, SkipReason, Up, Welcome, encode,
};

use super::super::arrival::{Arrival, Loss};
use super::super::memory::Saved;
use super::super::opening::{Introduction, Opened, Opening};
use super::super::upstream::Upload;
use super::*;

const START: UnixMillis = UnixMillis(1_000_000);
/// How far the device is in the feed when a test begins.
const FED: FeedOffset = 10;

/// A device with its link, and a store that writes when it is told to.
struct World {
    memory: Memory,
    live: Box<Live>,
    now: UnixMillis,
    effects: Vec<Effect>,
}

fn memory(seq: Seq) -> Memory {
    Memory::new(Saved { cursor: Cursor { epoch: 7, seq, feed: FED }, conn_seq: 3, ..Saved::default() })
}

fn introduction(conn_seq: ConnSeq) -> Introduction {
    Introduction {
        app: "demo".parse::<AppId>().unwrap(),
        device: DeviceId::from_bytes([9; 16]),
        key_id: 1,
        credential_generation: 1,
        conn_seq,
        auth: [1; 16],
        transport: Transport::Quic,
        network_hash: 0,
        sdk: "test".into(),
    }
}

fn bytes(frames: &[Frame]) -> BytesMut {
    let mut buffer = BytesMut::new();
    frames.iter().for_each(|frame| encode(frame, &mut buffer));
    buffer
}

fn welcome(resumption: Resumption, epoch: u64, lo: Seq, hi: Seq) -> Frame {
    let interval = HeartbeatInterval { initial: 20_000, minimum: 10_000, maximum: 60_000 };
    let heartbeat = Some(HeartbeatConfig { interval: Some(interval), idle_factor_percent: 150 });
    Welcome { resumption: resumption as i32, epoch, lo, hi, heartbeat, server_ms: 5 }.into()
}

fn push_with(seq: Seq, id: u8) -> Frame {
    Push { seq, message: Bytes::copy_from_slice(&[id; 16]), payload: Bytes::from_static(b"{}"), ..Push::default() }
        .into()
}

fn push(seq: u8) -> Frame {
    push_with(Seq::from(seq), seq)
}

fn recall(seq: Seq, message: u8, own: u8) -> Frame {
    let id = |n: u8| Bytes::copy_from_slice(&[n; 16]);
    Recall { message: id(message), seq, recall: id(own), feed_offset: 0 }.into()
}

fn skip(to_seq: Seq, reason: SkipReason, count: u64) -> Frame {
    Skip { to_seq, reason: reason as i32, count }.into()
}

fn open(mut memory: Memory, frames: &[Frame]) -> Result<World, Ended> {
    let conn_seq = memory.raise_connection();
    let (opening, _) = Opening::new(START, &introduction(conn_seq), &memory);
    match opening.receive(START, &bytes(frames), &mut memory) {
        Opened::Live(live) => {
            let mut world = World { memory, live, now: START, effects: Vec::new() };
            world.drain();
            Ok(world)
        }
        Opened::Ended(ended) => Err(ended),
        Opened::Waiting(_) => panic!("not enough frames"),
    }
}

fn resumed(last_seq: Seq) -> World {
    open(memory(last_seq), &[welcome(Resumption::Resumed, 7, 1, 50)]).unwrap()
}

impl World {
    fn drain(&mut self) {
        self.effects.extend(std::iter::from_fn(|| self.live.poll()));
    }

    fn receive(&mut self, frames: &[Frame]) {
        self.live.receive(self.now, &bytes(frames), &mut self.memory);
        self.drain();
    }

    /// Writes what was given out so far.
    fn write(&mut self) {
        if let Some(number) = self.commits().iter().map(|commit| commit.number).max() {
            self.memory.committed(number, self.now);
        }
        self.live.update(self.now, &mut self.memory);
        self.drain();
    }

    /// Lets time pass to the next timeout.
    fn wait(&mut self) {
        self.now = self.live.next_timeout(&self.memory).max(self.now);
        self.live.timeout(self.now, &mut self.memory);
        self.drain();
    }

    fn commits(&self) -> Vec<Commit> {
        let commits = self.effects.iter().filter_map(|effect| match effect {
            Effect::Commit(commit) => Some(commit.clone()),
            _ => None,
        });
        commits.collect()
    }

    fn messages(&self) -> Vec<Seq> {
        let messages = self.commits().into_iter().filter_map(|commit| match commit.arrival {
            Arrival::Message(message) => Some(message.seq),
            _ => None,
        });
        messages.collect()
    }

    fn transmitted(&self) -> Vec<Frame> {
        let frames = self.effects.iter().filter_map(|effect| match effect {
            Effect::Transmit(frame) => Some(frame.clone()),
            _ => None,
        });
        frames.collect()
    }

    fn end(&self) -> Option<Ended> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::End(ended) => Some(*ended),
            _ => None,
        })
    }
}

fn ack(seq: Seq) -> Frame {
    Ack { seq, receipts: vec![], feed_offset: 0 }.into()
}

#[test]
fn the_hello_names_what_is_durable_and_no_more() {
    let mut world = resumed(4);
    world.receive(&[push(5)]);
    let hello = |memory: &Memory| match Opening::new(START, &introduction(9), memory).1 {
        Frame::Hello(Hello { epoch, last_seq, conn_seq, .. }) => (epoch, last_seq, conn_seq),
        other => panic!("{other:?}"),
    };
    assert_eq!(hello(&world.memory), (7, 4, 9));
    world.write();
    assert_eq!(hello(&world.memory), (7, 5, 9));
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable_and_then_within_the_delay() {
    let mut world = resumed(0);
    world.receive(&[push(1), push(2)]);
    assert_eq!(world.messages(), [1, 2]);
    assert_eq!(world.live.next_timeout(&world.memory), START.plus(20_000), "no ack is due");
    world.write();
    assert_eq!(world.transmitted(), []);
    world.wait();
    assert_eq!(world.now, START.plus(ACK_DELAY_MAX));
    assert_eq!(world.transmitted(), [ack(2)]);
}

#[test]
fn a_quarter_of_the_window_is_acknowledged_at_once() {
    let mut world = resumed(0);
    world.receive(&(1..=8).map(push).collect::<Vec<_>>());
    world.write();
    assert_eq!(world.transmitted(), [ack(8)]);
}

#[test]
fn an_ack_rides_on_a_ping() {
    let mut world = resumed(0);
    world.now = START.plus(19_950);
    world.receive(&[push(1)]);
    world.write();
    world.wait();
    let riding = Some(Ack { seq: 1, receipts: vec![], feed_offset: 0 });
    assert_eq!(world.transmitted(), [Ping { ack: riding, probe_after_ms: 20_000, next_ms: 23_000 }.into()]);
}

#[test]
fn what_came_before_is_dropped_by_seq_and_by_id() {
    let mut world = resumed(2);
    world.receive(&[push(1), push(2), push(3), push_with(4, 3)]);
    assert_eq!(world.messages(), [3]);
    assert_eq!(world.commits()[1].arrival, Arrival::Duplicate(MessageId::from_bytes([3; 16])));
    assert_eq!(world.commits()[1].cursor.seq, 4, "but the cursor moves");
}

#[test]
fn skips_move_the_cursor_and_an_overflow_is_a_loss() {
    let mut world = resumed(0);
    world.receive(&[push(1), skip(3, SkipReason::Expired, 2), skip(9, SkipReason::Overflow, 6), push(10)]);
    let steps: Vec<_> = world.commits().iter().map(|commit| (commit.cursor.seq, commit.arrival.loss())).collect();
    assert_eq!(steps, [(1, None), (3, None), (9, Some(Loss::Overflow)), (10, None)]);
    assert_eq!(world.end(), None);
}

#[test]
fn a_recall_moves_the_cursor_and_what_it_takes_back_does_not_come_any_more() {
    let mut world = resumed(0);
    world.receive(&[push(1), recall(2, 9, 2), push_with(3, 9), recall(4, 9, 2), recall(5, 1, 5)]);
    let id = |n| MessageId::from_bytes([n; 16]);
    let taken_back = |message, recall| Arrival::Recalled { message: id(message), recall: Some(id(recall)) };
    let steps: Vec<_> = world.commits().into_iter().map(|commit| (commit.cursor.seq, commit.arrival)).collect();
    assert_eq!(
        steps[1..],
        [(2, taken_back(9, 2)), (3, Arrival::Duplicate(id(9))), (4, Arrival::Duplicate(id(2))), (5, taken_back(1, 5)),]
    );
    assert!(steps.iter().all(|(_, arrival)| arrival.loss().is_none()));
    assert_eq!(world.transmitted(), [], "nothing is durable yet");
    world.write();
    world.wait();
    assert_eq!(world.transmitted(), [ack(5)]);
}

#[test]
fn a_recall_must_join_on_and_say_who_it_is() {
    let mut world = resumed(0);
    world.receive(&[recall(2, 9, 2)]);
    assert_eq!(world.end(), Some(Ended::Protocol), "1 is missing");
    for malformed in [
        Recall { message: Bytes::new(), seq: 1, recall: Bytes::from_static(&[2; 16]), feed_offset: 0 },
        Recall { message: Bytes::from_static(&[2; 16]), seq: 1, recall: Bytes::new(), feed_offset: 0 },
    ] {
        let mut world = resumed(0);
        world.receive(&[malformed.into()]);
        assert_eq!((world.commits(), world.end()), (vec![], Some(Ended::Protocol)));
    }
    let mut world = resumed(4);
    world.receive(&[recall(4, 9, 2)]);
    assert_eq!((world.commits(), world.end()), (vec![], None), "it came before");
}

/// As gateways say it that have no numbers for it.
#[test]
fn a_recall_without_a_number_is_told_and_moves_nothing() {
    let mut world = resumed(3);
    world.receive(&[
        Recall { message: Bytes::from_static(&[9; 16]), seq: 0, recall: Bytes::new(), feed_offset: 0 }.into()
    ]);
    let [commit] = &world.commits()[..] else { panic!("{:?}", world.effects) };
    assert_eq!(commit.cursor.seq, 3);
    assert_eq!(commit.arrival, Arrival::Recalled { message: MessageId::from_bytes([9; 16]), recall: None });
    world.write();
    assert_eq!((world.memory.is_settled(), world.transmitted()), (true, vec![]));
}

#[test]
fn a_hole_ends_the_link_and_the_second_time_it_is_passed_over_and_told() {
    let mut world = resumed(0);
    world.receive(&[push(1), push(3)]);
    assert_eq!((world.messages(), world.end()), (vec![1], Some(Ended::Protocol)));
    world.write();
    let mut world = open(world.memory, &[welcome(Resumption::Resumed, 7, 1, 3)]).unwrap();
    world.receive(&[push(3)]);
    assert_eq!(world.end(), None);
    assert_eq!(world.commits()[0].arrival, Arrival::Hole { count: 1 });
    assert_eq!(world.commits()[0].arrival.loss(), Some(Loss::Hole));
    assert_eq!(world.messages(), [3]);
    let mut world = resumed(0);
    world.receive(&[skip(5, SkipReason::Expired, 2)]);
    assert_eq!(world.end(), Some(Ended::Protocol), "a Skip must join on too");
}

#[test]
fn a_reset_takes_the_new_epoch_and_tells_of_the_loss() {
    let mut world = open(memory(5), &[welcome(Resumption::Reset, 8, 20, 22), push(20)]).unwrap();
    assert!(!world.live.is_resumed() && resumed(0).live.is_resumed());
    let commits = world.commits();
    assert_eq!(
        (commits[0].cursor, commits[0].arrival.loss()),
        (Cursor { epoch: 8, seq: 19, feed: FED }, Some(Loss::Reset))
    );
    assert_eq!(commits[1].cursor, Cursor { epoch: 8, seq: 20, feed: FED });
    world.memory.committed(commits[0].number, START);
    assert_eq!(world.memory.cursor(), Cursor { epoch: 8, seq: 19, feed: FED });
    world.live.leave(&mut world.memory);
    world.drain();
    assert!(matches!(world.transmitted()[..], [Frame::Close(_)]), "seq 20 is not durable: no ack");
}

#[test]
fn a_welcome_must_fit() {
    assert_eq!(open(memory(5), &[welcome(Resumption::Resumed, 8, 1, 9)]).err(), Some(Ended::Protocol));
    assert_eq!(open(memory(5), &[push(6)]).err(), Some(Ended::Protocol));
    let close = Close { code: CloseCode::StaleConnection as i32, retry_after_ms: 0, detail: 12 };
    let closed = Closed { code: Some(CloseCode::StaleConnection), retry_after: 0, detail: 12 };
    assert_eq!(open(memory(5), &[close.into()]).err(), Some(Ended::Closed(closed)));
}

/// Found by the simulation: a message that came on the old link after the new Hello was recalled by the new gateway, for
/// which it lay above the cursor, and shown all the same.
#[test]
fn a_newer_hello_gives_the_older_link_up() {
    let mut old = resumed(0);
    old.receive(&[push(1)]);
    old.write();
    assert!(old.memory.is_settled());
    let conn_seq = old.memory.raise_connection();
    let (opening, _) = Opening::new(START, &introduction(conn_seq), &old.memory);
    let frames = [welcome(Resumption::Resumed, 7, 1, 3), push(2)];
    let Opened::Live(live) = opening.receive(START, &bytes(&frames), &mut old.memory) else { panic!("no link") };
    let mut new = World { memory: old.memory, live, now: START, effects: Vec::new() };
    new.drain();
    assert_eq!(new.messages(), [2]);
    for late in [push(2), push_with(0, 9), skip(2, SkipReason::Expired, 1), recall(2, 9, 2)] {
        let mut old = resumed(1);
        old.memory.raise_connection();
        old.receive(&[late]);
        assert_eq!((old.commits(), old.end()), (Vec::new(), Some(Ended::Lost)));
    }
}

#[test]
fn a_message_without_a_seq_is_acknowledged_by_a_receipt() {
    let mut world = resumed(3);
    world.receive(&[push_with(0, 5), push_with(0, 5)]);
    assert_eq!(world.messages(), [0]);
    assert!(!world.memory.receipts.is_waiting(), "not durable yet");
    world.write();
    world.wait();
    let [Frame::Ack(ack)] = &world.transmitted()[..] else { panic!("{:?}", world.transmitted()) };
    assert_eq!((ack.seq, ack.receipts.len(), ack.receipts[0].kind()), (3, 1, FactKind::Received));
    world.receive(&[push_with(0, 5)]);
    assert!(world.memory.receipts.is_waiting(), "a repeat is answered again");
}

#[test]
fn receipts_are_sent_again_on_the_next_link_unless_a_pong_has_proven_them() {
    let mut world = resumed(0);
    let id = MessageId::from_bytes([1; 16]);
    world.memory.add_receipt(id, FactKind::Opened, START).unwrap();
    world.live.update(START, &mut world.memory);
    world.wait();
    assert!(matches!(&world.transmitted()[..], [Frame::Ack(ack)] if ack.receipts.len() == 1));
    let mut world = open(world.memory, &[welcome(Resumption::Resumed, 7, 1, 0)]).unwrap();
    world.wait();
    assert!(matches!(&world.transmitted()[..], [Frame::Ack(ack)] if ack.receipts.len() == 1), "again");
    world.wait();
    world.receive(&[Pong::default().into()]);
    let world = open(world.memory, &[welcome(Resumption::Resumed, 7, 1, 0)]).unwrap();
    assert!(!world.memory.receipts.is_waiting());
}

#[test]
fn uploads_go_out_on_every_link_until_settled() {
    let mut memory = memory(0);
    memory.add_upload(Upload { id: 4, topic: "t".into(), payload: Bytes::from_static(b"x") }).unwrap();
    let world = open(memory, &[welcome(Resumption::Resumed, 7, 1, 0)]).unwrap();
    let up: Frame = Up { id: 4, topic: "t".into(), payload: Bytes::from_static(b"x") }.into();
    assert_eq!(world.transmitted(), std::slice::from_ref(&up));
    let mut world = open(world.memory, &[welcome(Resumption::Resumed, 7, 1, 0)]).unwrap();
    assert_eq!(world.transmitted(), [up]);
    world.receive(&[UpAck { id: 4, code: UpCode::Busy as i32 }.into()]);
    world.wait();
    assert_eq!((world.now, world.transmitted().len()), (START.plus(2_000), 2), "busy: later");
    world.receive(&[UpAck { id: 4, code: UpCode::Stored as i32 }.into()]);
    assert!(world.effects.contains(&Effect::UploadSettled { id: 4, code: UpCode::Stored }));
}

#[test]
fn a_gateway_may_not_say_what_only_devices_say() {
    for frame in [Frame::from(Ping::default()), ack(1), welcome(Resumption::Resumed, 7, 1, 1)] {
        let mut world = resumed(0);
        world.receive(&[frame, push(1)]);
        assert_eq!(world.end(), Some(Ended::Protocol));
        assert_eq!(world.messages(), [0_u64; 0], "and nothing after it counts");
    }
}

#[test]
fn a_silent_gateway_is_given_up() {
    let mut world = resumed(0);
    world.wait();
    assert!(matches!(world.transmitted()[..], [Frame::Ping(_)]));
    world.wait();
    assert_eq!((world.now, world.end()), (START.plus(35_000), Some(Ended::Silent)));
}

#[test]
fn go_away_and_settings_are_passed_on() {
    let mut world = resumed(0);
    let go_away = GoAway { spread_ms: 500, address: "other:443".into() };
    let interval = HeartbeatInterval { initial: 30_000, minimum: 10_000, maximum: 60_000 };
    let config = HeartbeatConfig { interval: Some(interval), idle_factor_percent: 150 };
    let pong = Pong { observed: String::new(), go_away: Some(go_away), heartbeat: Some(config), feed_offset: 0 };
    world.receive(&[pong.into()]);
    let expected = [
        Effect::HeartbeatChanged { interval: 30_000 },
        Effect::GoAway { spread: 500, address: Some("other:443".into()) },
    ];
    assert_eq!(world.effects, expected);
    world.wait();
    assert_eq!(world.transmitted(), [Ping { ack: None, probe_after_ms: 30_000, next_ms: 33_000 }.into()]);
}

fn pong(observed: &str) -> Frame {
    Pong { observed: observed.into(), ..Pong::default() }.into()
}

fn lessons(world: &World) -> Vec<Lesson> {
    let lessons = world.effects.iter().filter_map(|effect| match effect {
        Effect::Learned(lesson) => Some(*lesson),
        _ => None,
    });
    lessons.collect()
}

#[test]
fn what_a_probe_proves_is_to_be_kept_and_the_next_link_goes_on_from_there() {
    let mut world = resumed(0);
    world.wait();
    world.receive(&[pong("192.0.2.1:1000")]);
    world.now = world.now.plus(20_000);
    world.receive(&[homing_wire::Probe {}.into()]);
    let learned = lessons(&world).pop().unwrap().learned;
    assert_eq!(learned.proven, 20_000);
    assert!(world.effects.contains(&Effect::HeartbeatChanged { interval: 17_000 }));
    assert_eq!(world.live.next_timeout(&world.memory), world.now, "it is awake: it beats at once");
    assert_eq!(world.memory.networks().learned(0, Transport::Quic), learned);
    let world = open(world.memory, &[welcome(Resumption::Resumed, 7, 1, 50)]).unwrap();
    assert_eq!(world.live.heartbeat_interval(), 17_000);
}

#[test]
fn whatever_else_is_said_spoils_a_probe() {
    let spoil: [fn(&mut World); 4] = [
        |world| world.receive(&[push(1)]),
        |world| world.receive(&[UpAck { id: 4, code: UpCode::Stored as i32 }.into()]),
        |world| {
            world.memory.add_upload(Upload { id: 4, topic: "t".into(), payload: Bytes::new() }).unwrap();
            world.live.update(world.now, &mut world.memory);
            world.drain();
        },
        |world| {
            world.memory.add_receipt(MessageId::from_bytes([1; 16]), FactKind::Opened, START).unwrap();
            world.live.update(world.now, &mut world.memory);
            world.wait();
        },
    ];
    for (which, spoil) in spoil.iter().enumerate() {
        let mut world = resumed(0);
        world.wait();
        world.receive(&[pong("")]);
        let asked = world.now;
        world.now = asked.plus(3_000);
        spoil(&mut world);
        world.now = asked.plus(20_000);
        world.receive(&[homing_wire::Probe {}.into()]);
        assert_eq!(world.memory.networks().learned(0, Transport::Quic).proven, 0, "{which}");
    }
}

/// A link over TCP whose first heartbeat is not answered, and the next one after `failures` tries in vain.
fn after_a_death(failures: u32) -> Memory {
    let mut reconnect = super::super::Reconnect::new(super::super::Backoff::default());
    let mut memory = memory(0);
    for _ in 0..2 {
        let conn_seq = memory.raise_connection();
        let introduction = Introduction { transport: Transport::Tcp, network_hash: 5, ..introduction(conn_seq) };
        let (opening, _) = Opening::new(START, &introduction, &memory);
        let bytes = bytes(&[welcome(Resumption::Resumed, 7, 1, 0)]);
        let Opened::Live(live) = opening.receive(START, &bytes, &mut memory) else { panic!("no link") };
        let mut world = World { memory, live, now: START, effects: Vec::new() };
        world.wait();
        world.wait();
        assert_eq!(world.end(), Some(Ended::Silent));
        memory = world.memory;
        reconnect.ended(Ended::Silent, true, &mut memory, 0);
        for _ in 0..failures {
            reconnect.ended(Ended::Unreachable, false, &mut memory, 0);
        }
    }
    memory
}

#[test]
fn a_link_that_dies_at_a_heartbeat_teaches_unless_the_network_was_away() {
    let failed = |memory: &Memory| memory.networks().learned(5, Transport::Tcp).failed.map(|failed| failed.silence);
    assert_eq!(failed(&after_a_death(0)), Some(20_000));
    assert_eq!(failed(&after_a_death(1)), None);
}

#[test]
fn a_link_that_moves_to_another_network_beats_at_once_as_that_one_wants() {
    let mut memory = memory(0);
    let learned = super::super::Learned { proven: 40_000, ..Default::default() };
    memory.networks.apply(Lesson { network_hash: 5, transport: Transport::Quic, learned });
    memory.networks.apply(Lesson { network_hash: 6, transport: Transport::Quic, learned });
    let mut world = open(memory, &[welcome(Resumption::Resumed, 7, 1, 50)]).unwrap();
    world.now = START.plus(5);
    world.live.network_changed(world.now, 5, &mut world.memory);
    world.drain();
    let expected = [
        Effect::Learned(Lesson { network_hash: 5, transport: Transport::Quic, learned }),
        Effect::HeartbeatChanged { interval: 34_000 },
    ];
    assert_eq!(world.effects, expected, "and its place among the networks is kept");
    world.wait();
    assert_eq!(world.now, START.plus(5));
    assert_eq!(lessons(&world).pop().unwrap().network_hash, 5, "what is learned from here on is of this network");
}
